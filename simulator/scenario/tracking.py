"""The tracking part of a scenario: how what happens becomes what each system records (shares, days, hours).

Nothing here changes what people do: a change of tracking moves reported figures, and fees that follow reports, only.
Defaults are today's usual imperfections; `PERFECT` has none. [O] official source, [V] vendor's figure, [M] assumption.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from simulator.scenario.fields import Factor, Money, Name, NotNegative, Positive, PositiveFactor, Share, Table, Weight

CreditRule = Literal["last", "first", "linear", "position", "time_decay"]
Stage = Literal["order", "qualified", "closed"]
TagSystem = Literal["platform", "analytics"]

Browser = Literal["chrome", "safari", "edge", "firefox", "other"]
BROWSERS: tuple[Browser, ...] = get_args(Browser)


class Identity(Table):
    """How long a browser remembers a person, and who recognises them elsewhere.

    Attributes:
        browsers: relative frequency of browsers; each device of a person has one. [M]
        cookie_days: a cookie dies after so many days without a visit. [M]
        cookie_days_safari: the same in Safari. [V] Intelligent Tracking Prevention, 7 days
        cookie_days_safari_decorated: the same in Safari after a landing that carried a click ID. [M] ITP 2.2, 1 day
        clear_share, clears_per_month: people who now and then clear cookies, and how often. comScore 2006 [V]
        serial_clear_share, serial_clears_per_month: people who do so all the time (the heavy tail). comScore 2006 [V]
        log_in_share: share of people known to the site by log-in on every device; none: the population's own.
        graph_match_share: share of other people whose devices a cross-device graph joins.
        graph_false_join_share: share of pairs of people whom the graph takes for one person. [M]
        app_permission_share: share of people who let apps track them; without it, what is seen on Safari mobiles
            cannot be joined by log-in. [V] 0.25 to 0.46
    """

    browsers: Annotated[dict[Browser, Weight], Field(min_length=1)] = {
        "chrome": 0.52,
        "safari": 0.33,
        "edge": 0.08,
        "firefox": 0.03,
        "other": 0.04,
    }
    cookie_days: Positive = 400.0
    cookie_days_safari: Positive = 7.0
    cookie_days_safari_decorated: Positive = 1.0
    clear_share: Share = 0.24
    clears_per_month: Annotated[float, Field(ge=0.0, le=1000.0)] = 1.43
    serial_clear_share: Share = 0.07
    serial_clears_per_month: Annotated[float, Field(ge=0.0, le=1000.0)] = 11.5
    log_in_share: Share | None = None
    graph_match_share: Share = 0.0
    graph_false_join_share: Share = 0.0
    app_permission_share: Share = 0.35


class Consent(Table):
    """Who may be tracked.

    Attributes:
        share: share of people who accept; none: the population's own share, place by place.
        accept: the same by place, where it differs from `share`.
        asked: places where a banner asks first; there, accepting late loses the source of the visit.
        late_share: share of accepters who accept only after the landing page. [V]
        model_recovery: share of the refusers' conversions that platforms add back as modelled. [V] 0.2 basic, 0.6 advanced
        refuser_rate: conversion rate of refusers relative to accepters, as the platforms assume it.
        model_min_clicks: ad clicks over 7 days, per platform and place, from which on they model at all. [O] 700
    """

    share: Share | None = None
    accept: dict[Name, Share] = {}
    asked: list[Name] = []
    late_share: Share = 0.65
    model_recovery: Share = 0.2
    refuser_rate: Factor = 1.0
    model_min_clicks: NotNegative = 700.0


class Outage(Table):
    """A stretch of days in which tags do not fire. Empty lists mean: everywhere.

    Attributes:
        start_day, end_day: from when to when.
        share: share of events lost meanwhile.
        systems: whose tags: `platform`, `analytics`.
        browsers, devices, geos: on which.
    """

    start_day: NotNegative = 0.0
    end_day: Positive = 36500.0
    share: Share = 1.0
    systems: list[TagSystem] = []
    browsers: list[Browser] = []
    devices: list[Name] = []
    geos: list[Name] = []


class Utm(Table):
    """The UTM parameters on a channel's links. Web analytics groups sessions by them.

    Attributes:
        source, medium: such as `facebook` and `paid_social`.
        campaign: counts for shopping only.
    """

    source: Annotated[str, Field(min_length=1)]
    medium: Annotated[str, Field(min_length=1)]
    campaign: str = ""


class Transport(Table):
    """What arrives of what is sent.

    Attributes:
        action: what is counted: `order` (the macro-conversion), `visit`, or the name of an earlier funnel step.
        pixel_coverage: share of actions whose platform pixel fires, among people without an ad blocker. [M]
        server_coverage: share of actions also sent from server to server (conversions API); blockers cannot stop these.
        event_id_match: share of actions sent both ways that are recognised as one. [M]
        analytics_coverage: share of actions that reach web analytics, among people without a blocker. [M]
        ad_blocker_share: share of devices that block tags. [V] 0.10 to 0.20
        session_loss: share of visits that web analytics misses for other reasons. [V] 0.10 to 0.20 with blockers
        click_id_loss, click_id_loss_safari: share of devices on which click IDs are stripped from links. [M]
        utm: the UTM parameters of each bought channel's links. Where GA4's rules put them into a group that nobody buys
            (unassigned, organic, referral), web analytics shows the channel's clicks there. Without them: as the channel.
        utm_loss: share of people whose links lose their UTM parameters. [M]
        utm_mistyped: share of a channel's clicks whose UTM medium matches no channel group.
        gateway_share: share of actions that return from an off-site payment gateway counted as a new referral.
        duplicate_rate: how many times more than once the tag fires, per action. [M]
        deduplicate: whether systems drop repeats by order or event ID.
        outages: when tags do not fire.
        latency_hours: mean time until an action arrives (exponential).
        time_zone_shift_hours: how far a report's days are shifted.
        value_factor: factor on reported values (a currency or cents error).
    """

    action: Name = "order"
    pixel_coverage: Share = 0.88
    server_coverage: Share = 0.0
    event_id_match: Share = 0.98
    analytics_coverage: Share = 0.97
    ad_blocker_share: Share = 0.15
    session_loss: Share = 0.05
    click_id_loss: Share = 0.0
    click_id_loss_safari: Share = 0.03
    utm: dict[Name, Utm] = {}
    utm_loss: Share = 0.05
    utm_mistyped: dict[Name, Share] = {}
    gateway_share: Share = 0.0
    duplicate_rate: Annotated[float, Field(ge=0.0, le=100.0)] = 0.03
    deduplicate: bool = True
    outages: Annotated[list[Outage], Field(max_length=100)] = []
    latency_hours: NotNegative = 0.5
    time_zone_shift_hours: Annotated[float, Field(ge=-24.0, le=24.0)] = 0.0
    value_factor: PositiveFactor = 1.0


class Platform(Table):
    """How an ad platform claims actions: own touches only, a click beats a view.

    Attributes:
        channels: whose ads it sells; used in `platforms` only.
        click_days, view_days: how long a click or a view may claim; 0 days of views: none. [O] Google Ads 30 and 1
        engaged_days: how long an engaged view may: watched for some seconds, or reacted to, without a click; it beats
            other views. 0: none. [O] Google Ads 3; [V] Meta 1
        engaged_share: share of views that are engaged. [M]
        counting: `every` action, or `one` per click.
        booking: whether an action counts on the day of the ad (`click_date`) or on its own (`conversion_date`).
        rule: how credit is shared among its own eligible touches.
        match_share: share of people it recognises by log-in on all their devices. [M]
        click_id_kept: whether the click ID outlives the session in which it came (conversion linker).
        offline_import: count actions uploaded from the CRM by click ID instead of the pixel's: this stage of them.
    """

    channels: list[Name] = []
    click_days: Annotated[float, Field(gt=0.0, le=90.0)] = 30.0
    view_days: Annotated[float, Field(ge=0.0, le=90.0)] = 1.0
    engaged_days: Annotated[float, Field(ge=0.0, le=90.0)] = 0.0
    engaged_share: Share = 0.0
    counting: Literal["every", "one"] = "every"
    booking: Literal["click_date", "conversion_date"] = "click_date"
    rule: CreditRule = "last"
    match_share: Share = 0.75
    click_id_kept: bool = True
    offline_import: Literal["none", "order", "qualified", "closed"] = "none"


class Analytics(Table):
    """How web analytics credits actions to the sources of sessions.

    Attributes:
        lookback_days: how far back. [O] GA4: 90 days for key events
        rule: how credit is shared among sessions; direct ones get nothing unless there are only such. [O] GA4
        half_life_days: for the rule `time_decay`. [O] 7 days
        threshold_conversions: channels with fewer reported actions are withheld. [M]
        sampling_share: share of actions that a report is estimated from.
    """

    lookback_days: Annotated[float, Field(gt=0.0, le=400.0)] = 90.0
    rule: CreditRule = "last"
    half_life_days: Positive = 7.0
    threshold_conversions: NotNegative = 0.0
    sampling_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0


class Crm(Table):
    """What the seller's own customer system knows: orders are right, sources may be missing.

    Attributes:
        source_missing_share: share of orders whose source was not stored. [M]
        lookback_days: how long the source of a visit is remembered in the browser. [M]
    """

    source_missing_share: Share = 0.10
    lookback_days: Positive = 90.0


class Affiliate(Table):
    """How an affiliate network claims: the last click on any of its campaigns overwrites the cookie.

    Attributes:
        coverage: share of orders whose confirmation reaches the network. [M]
    """

    coverage: Share = 0.97


class Postbacks(Table):
    """Privacy-preserving install-style postbacks (windows as in SKAdNetwork 4). [O]

    Attributes:
        crowd_minimum: clicks per campaign and day below which a postback carries no value. [M]
        medium_value, high_value: order values from which the coarse value is medium or high, in currency.
    """

    crowd_minimum: NotNegative = 20.0
    medium_value: Money = 50.0
    high_value: Money = 150.0


class Aggregate(Table):
    """Noisy reports: randomised response on each click's report, Laplace noise on sums.

    Attributes:
        flip_share: chance that a click's report is replaced by a random one. [C] Attribution Reporting API: 0.0024
        outputs: number of values a report can take, "nothing" included; a random report takes any alike.
        epsilon: privacy budget of sums; noise is Laplace(contribution / epsilon). [C] 14
        contribution: the most that one click may add to a sum, in whole scaled units. [C] 65,536
    """

    flip_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0024
    outputs: Annotated[int, Field(ge=2, le=4096)] = 8
    epsilon: Positive = 14.0
    contribution: Annotated[float, Field(ge=1.0, le=1e9)] = 65_536.0


class Intrusion(Table):
    """What outsiders put into the record without anything happening to customers.

    Attributes:
        bot_click_share: share of billed clicks that are robots'; those are paid for under cpc.
        fake_lead_rate: fake actions reported per genuine one.
        coupon_share: share of orders at whose checkout a coupon extension puts its own affiliate click.
        flood_channel: the channel paid per action whose network reports clicks that nobody made (click flooding), so that
            some stand before every action and claim it. Its campaigns' first is the one that is paid.
        flood_share: share of actions for which such a click stands within the cookie's days, at any time of them alike: the
            flat times from click to install that give flooding away. [V] A later genuine click still wins.
    """

    bot_click_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    fake_lead_rate: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0
    coupon_share: Share = 0.0
    flood_channel: Name | None = None
    flood_share: Share = 0.0


class Report(Table):
    """When a report is read.

    Attributes:
        read_after_days: age of the report at the end of the run; actions that have not arrived by then are missing.
    """

    read_after_days: NotNegative = 30.0


class Tracking(Table):
    """How what happens becomes what each system records.

    Attributes:
        platform: the rules of every platform that `platforms` does not name (each paid channel is one of its own).
        platforms: ad platforms by name, each with its channels and its rules.
        faults: faults by name, with their size; see `cpalab faults`.
    """

    identity: Identity = Identity()
    consent: Consent = Consent()
    transport: Transport = Transport()
    platform: Platform = Platform()
    platforms: Annotated[dict[Name, Platform], Field(max_length=16)] = {}
    analytics: Analytics = Analytics()
    crm: Crm = Crm()
    affiliate: Affiliate = Affiliate()
    postbacks: Postbacks = Postbacks()
    aggregate: Aggregate = Aggregate()
    intrusion: Intrusion = Intrusion()
    report: Report = Report()
    faults: dict[Name, NotNegative] = {}


PERFECT = Tracking(
    identity=Identity(
        browsers={"chrome": 1.0},
        cookie_days=1e6,
        cookie_days_safari=1e6,
        cookie_days_safari_decorated=1e6,
        clear_share=0.0,
        serial_clear_share=0.0,
        log_in_share=1.0,
        app_permission_share=1.0,
    ),
    consent=Consent(share=1.0, late_share=0.0, model_recovery=0.0),
    transport=Transport(
        pixel_coverage=1.0,
        event_id_match=1.0,
        analytics_coverage=1.0,
        ad_blocker_share=0.0,
        session_loss=0.0,
        click_id_loss_safari=0.0,
        utm_loss=0.0,
        duplicate_rate=0.0,
        latency_hours=0.0,
    ),
    platform=Platform(match_share=1.0),
    crm=Crm(source_missing_share=0.0),
    affiliate=Affiliate(coverage=1.0),
    aggregate=Aggregate(flip_share=0.0, epsilon=1e9),
    report=Report(read_after_days=3650.0),
)
