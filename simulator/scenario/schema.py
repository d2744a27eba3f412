"""The schema of a scenario: everything that can be assumed about a market, with its unit, range and default.

Rates that end in `_per_day` are hazards. Money is in currency units here and becomes integer micros in the world.
Every table is frozen and refuses unknown keys. What tables must agree on with each other is checked in `consistency`.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from simulator.scenario.fields import (
    Factor,
    Money,
    Name,
    NotNegative,
    Positive,
    PositiveFactor,
    PositiveMoney,
    Share,
    Sigma,
    Table,
    Weight,
    not_tiny,
)
from simulator.scenario.geo_tests import GeoDemand, GeoTest
from simulator.scenario.tracking import Tracking

Billing = Literal["cpm", "cpc", "cpl", "cpa", "revenue_share", "flat", "send"]
HoldoutDesign = Literal["ghost_ads", "intention_to_treat", "psa", "predicted_ghost_ads"]
Assignment = Literal["person", "login", "cookie"]
Audience = Literal["everyone", "visitors", "late_funnel", "customers", "non_customers", "lookalike", "subscribers"]


class ByMood(Table):
    """A number for each mood of a person towards the product: not looking, looking, has visited, about to buy."""

    out_of_market: Factor = 0.0
    in_market: Factor = 0.0
    visited: Factor = 0.0
    late: Factor = 0.0


class ShareByMood(Table):
    """A share for each mood of a person towards the product."""

    out_of_market: Share = 0.0
    in_market: Share = 0.0
    visited: Share = 0.0
    late: Share = 0.0


class Run(Table):
    """How much of the market is simulated, for how long, from which seed.

    Attributes:
        days: length of the reported window, which begins on day 0.
        warm_up_days: lived before it, at negative times, with ads on, and not reported; none: three half-lives of what fades
            slowest in this scenario (`simulator.scenario.clock`).
        follow_up_days: lived after it with all ads off; orders are still counted, nothing costs; none: likewise.
        tick_hours: how often the market sets throttles and looks at the spend.
    """

    users: Annotated[int, Field(ge=1, le=50_000_000)] = 100_000
    days: Annotated[float, Field(gt=0.0, le=3650.0)] = 30.0
    warm_up_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    follow_up_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    tick_hours: Annotated[float, Field(ge=1.0, le=168.0)] = 24.0


class Market(Table):
    """The market the money is meant for: budgets are for `people` people and scale with the number simulated."""

    people: Annotated[int, Field(ge=1, le=10_000_000_000)] = 1_000_000
    currency: Annotated[str, Field(min_length=1, max_length=3)] = "USD"
    competition_sigma: Sigma = 0.0
    competition_persistence: Share = 0.8


class Calendar(Table):
    """How people's activity varies over the week and the day; each list is rescaled to mean 1."""

    first_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    weekday: Annotated[list[Weight], Field(min_length=7, max_length=7)] = [1.0] * 7
    hour: Annotated[list[Weight], Field(min_length=24, max_length=24)] = [1.0] * 24


class LogNormal(Table):
    """A log-normal quantity: its mean, and the standard deviation of its logarithm."""

    mean: PositiveMoney
    sigma: Sigma = 0.0


class Segment(Table):
    """A kind of people: its share, and factors on activity, need and order value."""

    share: Share = 1.0
    activity: Weight = 1.0
    need: Factor = 1.0
    value: Weight = 1.0


class Geo(Table):
    """A place: its share of people, and the share of them who consent to tracking."""

    share: Share = 1.0
    consent: Share = 0.95


class Population(Table):
    """Who lives in the market. Drawn once per person; nothing here can change over time.

    `travel_share` of a person's sessions happen in another geo, drawn by its share of people: there they see the ads of
    that geo. `geo_demand` makes need differ between geos and days. `lookalike_correlation` is that of the score by which
    platforms find people like the buyers with the logarithm of true need [M]; `subscriber_share` of people have left an
    address for the newsletter before the first day [M], and every customer does.
    """

    sessions_per_day: LogNormal = LogNormal(mean=0.8, sigma=0.8)
    need_per_day: LogNormal = LogNormal(mean=0.005, sigma=1.0)
    activity_need_correlation: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    value_sigma: Annotated[float, Field(ge=0.0, le=3.0)] = 0.0
    customer_share: Share = 0.1
    segments: Annotated[dict[Name, Segment], Field(min_length=1, max_length=32)] = {"everyone": Segment()}
    geos: Annotated[dict[Name, Geo], Field(min_length=1, max_length=250)] = {"us": Geo()}
    geo_demand: GeoDemand = GeoDemand()
    travel_share: Share = 0.0
    devices: Annotated[dict[Name, Weight], Field(min_length=1, max_length=3)] = {
        "mobile": 0.60,
        "desktop": 0.34,
        "tablet": 0.06,
    }
    devices_per_person: Annotated[list[Share], Field(min_length=1, max_length=3)] = [0.54, 0.32, 0.14]
    main_device_share: Share = 0.7
    log_in_share: Share = 0.25
    lookalike_correlation: Share = 0.5
    subscriber_share: Share = 0.1


class Season(Table):
    """One stretch of the season: from this day on, factors on need and on rivals' prices; a negative day: in the warm-up."""

    day: Annotated[float, Field(ge=-3650.0)]
    need: Factor = 1.0
    rival_price: Weight = 1.0


class Need(Table):
    """How people come into the market and leave it again."""

    lapse_per_day: NotNegative = 0.03
    rival_per_day: NotNegative = 0.05
    satiation_days: NotNegative = 21.0
    customer_factor: Factor = 1.0
    aroused_by_visit: Share = 0.1
    season: Annotated[list[Season], Field(max_length=1000)] = []


class Step(Table):
    """One step of the funnel; the last one is the macro-conversion.

    Attributes:
        name: what is counted when the step is taken.
        rate: share of visits by people at this point of the funnel that take the step.
        goodwill_response: how strongly goodwill raises the rate (rate × (1 + response × goodwill effect)).
    """

    name: Name
    rate: Share
    goodwill_response: Factor = 1.0


class Order(Table):
    """What an action is worth and what becomes of it afterwards.

    `margin_share` of the value is left before ad cost: what the truth's profit of ads is made of.
    """

    value: LogNormal = LogNormal(mean=100.0, sigma=0.5)
    margin_share: Share = 0.5
    minutes_on_site: Positive = 25.0
    qualified_share: Share = 1.0
    qualified_after_days: NotNegative = 0.0
    closed_share: Share = 1.0
    closed_after_days: NotNegative = 0.0
    refund_share: Share = 0.0
    refund_after_days: NotNegative = 10.0


class Surface(Table):
    """A place where sessions happen.

    Attributes:
        weights: relative frequency of sessions here, by mood.
        goodwill_pull: how strongly goodwill draws people here (weight × (1 + pull × upstream goodwill)).
        reach_share: share of people who ever use this surface; for the others such a session leads nowhere.
        slot_share: share of sessions here that offer an ad slot.
        rival_cpm: mean price of a thousand slots to the rivals, in currency; the price is log-normal.
        rival_sigma: standard deviation of the logarithm of the rival price.
        visit_share: share of sessions here that lead to the site without any ad, by mood.
        visit_channel: the channel such a visit comes from; needed where `visit_share` is not zero.
        conquest_share: share of those visits that is lost to a rival who has the slot. [M]
        view_through: whether platforms may claim ads seen here without a click; none: not where people who are looking come
            by a result of their own (search, shopping), else yes. [O] Google Ads: view-through conversions are not
            counted for search and shopping
    """

    weights: ByMood
    goodwill_pull: Factor = 0.0
    reach_share: Share = 1.0
    slot_share: Share = 0.0
    rival_cpm: PositiveMoney = 5.0
    rival_sigma: Sigma = 0.8
    visit_share: ShareByMood = ShareByMood()
    visit_channel: Name | None = None
    conquest_share: Share = 0.0
    view_through: bool | None = None

    def counts_views(self) -> bool:
        """Whether an ad seen here without a click may be claimed."""
        return self.visit_share.in_market == 0.0 if self.view_through is None else self.view_through


class Creative(Table):
    """An advertisement: the days on which it runs, and factors on click-through rate and on goodwill.

    Attributes:
        launch_day: from when on, negative: in the warm-up; none: as long as the campaign itself, the warm-up included.
        end_day: until when; none: as long as the campaign.
        refresh_days: how often it is replaced by a fresh one like it, which nobody has worn out; none: never.
        shelved: made, and not on air; one that comes off the shelf is new on that day, worn out by nobody.
        click_factor, goodwill_factor: factors on its click-through rate and on the goodwill it adds.
    """

    launch_day: Annotated[float, Field(ge=-3650.0)] | None = None
    end_day: Positive | None = None
    refresh_days: Positive | None = None
    shelved: bool = False
    click_factor: Factor = 1.0
    goodwill_factor: Factor = 1.0


class Targeting(Table):
    """Who may see a campaign. An empty list admits everyone.

    `audience` is built from behaviour: `visitors` were on the site within `audience_days`, `late_funnel` are one step
    from the action, `customers` have ordered before, `subscribers` have left their address or ordered; `lookalike` are the
    `lookalike_share` of people whom the platform scores as most like buyers (see `population.lookalike_correlation`).
    """

    audience: Audience = "everyone"
    audience_days: Positive = 30.0
    lookalike_share: Share = 0.05
    segments: list[Name] = []
    geos: list[Name] = []
    devices: list[Name] = []


class Campaign(Table):
    """What is bought within a channel.

    Attributes:
        billing: what is paid for; `bid` is the most that is paid per thousand impressions (cpm) or per click (cpc) for
            someone of propensity 1 (see `optimisation`), and the agreed fee per lead (cpl: the first funnel step), per
            action (cpa), as share of the order value (revenue_share), per day (flat) or per thousand messages (send: no
            auction, as for e-mail).
        daily_budget: for a market of `market.people` people; none means unlimited.
        expected_action_rate: actions expected per impression; ranks bids that are billed per action.
        cookie_days: how long after a click a cpl, cpa or revenue-share campaign is owed its fee.
        clawback_share: share of fees for fake actions that a cpl or cpa campaign pays back. [M]
        pays_by: whether a fee is owed once per `order`, or for everything the network's `record` shows, repeats included.
        discount: share by which orders that come by its clicks are worth less (a coupon).
        optimisation: exponent of the predicted propensity to convert in the bid (optimised delivery); 0 bids alike.
        click_through_rate: clicks per impression of a fresh creative for someone who is not looking.
        substitution: share of clicks that replace a visit the person would have made anyway.
        landing_page_factor: factor on the funnel rates of visits that land from this campaign.
        quality_factor: factor on the share of its actions that qualify.
        frequency_cap: most impressions per person in any `frequency_cap_days` days on end; none means no cap.
        start_day, end_day: the flight, honoured at the market's ticks; no start_day: it runs in the warm-up too.
        paused: whether it takes part in no auction, be it within its flight.
    """

    billing: Billing = "cpm"
    bid: Money
    daily_budget: Annotated[float, Field(gt=0.0, le=1e11), not_tiny] | None = None
    expected_action_rate: Positive = 0.01
    cookie_days: NotNegative = 30.0
    clawback_share: Share = 0.5
    pays_by: Literal["order", "record"] = "order"
    discount: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    optimisation: Annotated[float, Field(ge=0.0, le=10.0), not_tiny] = 0.0
    click_through_rate: Share = 0.01
    substitution: Share = 0.0
    landing_page_factor: Factor = 1.0
    quality_factor: Factor = 1.0
    frequency_cap: Annotated[int, Field(ge=1, le=1000)] | None = None
    frequency_cap_days: Positive = 7.0
    start_day: NotNegative | None = None
    end_day: Positive | None = None
    paused: bool = False
    targeting: Targeting = Targeting()
    creatives: Annotated[dict[Name, Creative], Field(min_length=1, max_length=32)] = {"standard": Creative()}

    def creatives_by_launch(self) -> dict[str, Creative]:
        """The creatives in the order in which they go on air."""
        return dict(sorted(self.creatives.items(), key=lambda entry: entry[1].launch_day or 0.0))


class Holdout(Table):
    """A user-level experiment: this share of people is not shown the channel's ads between two days.

    Attributes:
        shelved: prepared, and not run until a process begins it (`market.begin_lift_test`), which sets its days.
        cooldown_days: how long after `end_day` outcomes still count (carry-over); none: to the end of the follow-up.
        design: how the test is run and read. `ghost_ads` and `intention_to_treat`: the slot goes to the next bidder; read
            on those an ad reached or would have, or on everyone. `psa`: the held-out are shown a placebo ad in its place.
            `predicted_ghost_ads`: people enter with the first slot that the campaign is predicted to win.
        assignment: what is drawn into the holdout. `login`: people who log in, and ads are withheld while they are logged
            in. `cookie`: each cookie on each device for itself.
        group: tests of one group are mutually exclusive: nobody is in the holdout of two of them.
        psa_propensity: how readily people of each mood click the placebo ad: what optimised delivery bids on in place of
            the propensity to convert.
        prediction_error: standard deviation of the logarithm of the predicted price of a slot.
        logged_in_share: share of their sessions in which people who log in are logged in.
        cookie_days: how long a cookie lives.
    """

    share: Share = 0.1
    shelved: bool = False
    start_day: NotNegative = 0.0
    end_day: Positive | None = None
    cooldown_days: NotNegative | None = None
    design: HoldoutDesign = "ghost_ads"
    assignment: Assignment = "person"
    group: Name | None = None
    # No public source gives the following four: assumptions [M].
    psa_propensity: ByMood = ByMood(out_of_market=1.0, in_market=1.0, visited=1.0, late=1.0)
    prediction_error: Sigma = 0.5
    logged_in_share: Share = 0.7
    cookie_days: Positive = 14.0


class Channel(Table):
    """What an ad does to people. A channel without campaigns is one that people come by on their own.

    Attributes:
        surface: where its ads appear; needed if it has campaigns.
        half_life_days: days until half of the goodwill is forgotten (carry-over).
        goodwill_per_impression: what the first impression of a fresh creative adds.
        saturation: goodwill at which an impression adds half as much as the first (diminishing returns).
        direct_effect: gain in funnel rates per unit of goodwill.
        upstream_effect: gain in visits to goodwill-driven surfaces (brand search, direct) per unit of goodwill.
        need_effect: gain in the hazard of coming into the market per unit of goodwill.
        synergy: per other channel, gain in goodwill per unit of goodwill from there.
        creative_half_life_days: age at which a creative is half as fresh; none means that it does not age.
        wear_out_impressions: impressions of a creative after which one person clicks half as often; none: no wear.
        overexposure_impressions: impressions of a creative beyond which more of them annoy; none: never.
        annoyance_per_impression: goodwill lost with each impression beyond that.
        wear_half_life_days: days after which an impression counts half towards both: people recover.
        holdout: the channel's lift test; needs campaigns.
    """

    surface: Name | None = None
    half_life_days: Positive = 7.0
    goodwill_per_impression: Factor = 0.0
    saturation: PositiveFactor = 1.0
    direct_effect: Factor = 0.0
    upstream_effect: Factor = 0.0
    need_effect: Factor = 0.0
    synergy: dict[Name, Factor] = {}
    creative_half_life_days: Positive | None = None
    wear_out_impressions: Positive | None = None
    overexposure_impressions: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    annoyance_per_impression: Factor = 0.0
    wear_half_life_days: Positive = 7.0  # [M] no public source: a pause of weeks makes an ad fresh again
    holdout: Holdout = Holdout()
    campaigns: Annotated[dict[Name, Campaign], Field(max_length=32)] = {}

    @property
    def bids_in_auctions(self) -> bool:
        """Whether all its campaigns pay what they bid for impressions or clicks, so that a bid decides what they buy."""
        return all(campaign.billing in ("cpm", "cpc") for campaign in self.campaigns.values())


class InvalidTraffic(Table):
    """The second population: robots that look at ads, click, and fill in forms.

    Attributes:
        robots_share: robots per person.
        sessions_per_day: of one robot.
        surfaces: where robots go, as relative weights.
        click_share: share of ads shown to robots that they click.
        fake_lead_share: share of robot clicks that end in a fake action.
        fakes: what the fakes pretend to be: the funnel's first step (`lead`: paid under cpl) or the `action` itself, such as
            an install (paid under cpa).
    """

    robots_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    sessions_per_day: Annotated[float, Field(gt=0.0, le=10_000.0), not_tiny] = 10.0
    surfaces: dict[Name, Weight] = {}
    click_share: Share = 0.3
    fake_lead_share: Share = 0.0
    fakes: Literal["lead", "action"] = "lead"


class Delivery(Table):
    """What audiences, frequency caps and optimised delivery go by.

    Attributes:
        follows: the true `person`, or what was recorded of them (`record`): then lost consent, blockers, browsers and cookies
            shrink audiences, blunt caps and optimisation, and a change of tracking changes who sees ads.
    """

    follows: Literal["person", "record"] = "person"


class OwnLaw(Table):
    """A researcher's own parts of the law, and the parameters they read.

    Attributes:
        steps: which part of the law (`exposure`, `visit`, `click_probability` …) is replaced by which `module:function`.
        parameters: numbers that own parts find by name in `law.own[moment.epoch]`; they may change on the timeline.
    """

    steps: dict[Name, str] = {}
    parameters: dict[Name, float] = {}


class Process(Table):
    """A process that acts in the market while it runs: what it does, and the parameters it takes, each a key of its own.

    Attributes:
        use: name of a process that comes with cpalab or is installed, `module:Name` or `FILE.py:Name`.
    """

    model_config = ConfigDict(extra="allow")

    use: Annotated[str, Field(min_length=1)]

    def parameters(self) -> dict[str, Any]:
        """What the process takes, by name, as the scenario writes it."""
        return dict(self.model_extra or {})


class TimelineChange(Table):
    """A dated change: on `day`, each path in `set` takes its new value. `note` says why, for people.

    `author` names the process that made the change while the market ran; changes that the scenario assumes have none.
    """

    day: NotNegative
    set: Annotated[dict[str, bool | int | float | str], Field(min_length=1)]
    note: str = ""
    author: str = ""


class Scenario(Table):
    """Everything that is assumed about a market."""

    title: str = ""
    description: str = ""
    run: Run = Run()
    market: Market = Market()
    calendar: Calendar = Calendar()
    population: Population = Population()
    need: Need = Need()
    funnel: Annotated[list[Step], Field(min_length=1, max_length=4)]
    interest: ByMood = ByMood(out_of_market=1.0, in_market=2.0, visited=3.0, late=4.0)
    propensity: ByMood = ByMood(out_of_market=1.0, in_market=5.0, visited=20.0, late=60.0)
    order: Order = Order()
    surfaces: Annotated[dict[Name, Surface], Field(min_length=1, max_length=32)]
    channels: Annotated[dict[Name, Channel], Field(min_length=1, max_length=32)]
    invalid_traffic: InvalidTraffic = InvalidTraffic()
    geo_tests: Annotated[dict[Name, GeoTest], Field(max_length=64)] = {}
    tracking: Tracking = Tracking()
    delivery: Delivery = Delivery()
    law: OwnLaw = OwnLaw()
    processes: Annotated[dict[Name, Process], Field(max_length=64)] = {}
    timeline: Annotated[list[TimelineChange], Field(max_length=100_000)] = []

    def paid_channels(self) -> list[str]:
        """Names of the channels that have campaigns, in the order of the file."""
        return [name for name, channel in self.channels.items() if channel.campaigns]

    def holdout_groups(self) -> dict[str, list[str]]:
        """The paid channels whose holdouts are mutually exclusive, by group, in the order of the file."""
        groups: dict[str, list[str]] = {}
        for name in self.paid_channels():
            group = self.channels[name].holdout.group
            if group is not None:
                groups.setdefault(group, []).append(name)
        return groups
