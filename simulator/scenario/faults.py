"""The fault library, F1 to F25 and F23b: each a change of the tracking with a size (share, rate, factor, days or hours).

A fault is at work where `tracking.faults.NAME` is set, from the start or from a day of the timeline on. What each must do to
reported CPA is in `simulator.record.closed_forms`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cpalab.refusal import did_you_mean
from simulator.scenario.tracking import Tracking

Settings = dict[str, Any]
MIRROR_PLATFORM = "platform moves, analytics and CRM do not"
MIRROR_ANALYTICS = "analytics moves, platform and CRM do not"
TAGS_LOSE = "platform and analytics lose conversions (CPA rises), CRM does not"
TAGS_GAIN = "platform and analytics gain conversions (CPA falls), CRM does not"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        code: F1 to F25, and F23b, a second form of F23.
        name: as in `tracking.faults.NAME`.
        size: what its number means.
        usual: the size it has where none is given.
        smallest, largest: the sizes that make sense.
        formula: its multiplier on reported CPA.
        signature: what gives it away.
        settings: (tracking, size, days of the run) → new values by dotted path within the tracking.
    """

    code: str
    name: str
    size: str
    usual: float
    smallest: float
    largest: float
    formula: str
    signature: str
    settings: Callable[[Tracking, float, float], Settings]


def _outage(tracking: Tracking, **outage: Any) -> Settings:
    return {"transport.outages": [*(o.model_dump() for o in tracking.transport.outages), outage]}


def _everywhere(tracking: Tracking, **rules: Any) -> Settings:
    """New rules for every platform, named or not."""
    places = ["platform", *(f"platforms.{name}" for name in tracking.platforms)]
    return {f"{place}.{rule}": value for place in places for rule, value in rules.items()}


def _shorter(tracking: Tracking, days: float) -> Settings:
    rules = {
        "platform": tracking.platform,
        **{f"platforms.{name}": own for name, own in tracking.platforms.items()},
    }
    return {f"{place}.click_days": min(days, own.click_days) for place, own in rules.items()}


def _and_lost(today: float, share: float) -> float:
    """Share lost when `share` of what is left today is lost too."""
    return 1.0 - (1.0 - today) * (1.0 - share)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "F1", "tag_outage", "share of the days, in the middle", 0.2, 0.0, 0.99,
        "analytics × 1/(1−o), platform × 1/(1−o·(1−s₀/k)); o = share of actions on those days, k = platform's coverage",
        f"{TAGS_LOSE}: every channel by the same factor, on some days only; server events stay",
        lambda t, s, days: _outage(t, start_day=days * (1 - s) / 2, end_day=max(days * (1 + s) / 2, 1e-9)) if s else {},
    ),
    Fault(
        "F2", "partial_outage", "share of Safari's actions lost", 1.0, 0.0, 1.0,
        "analytics × 1/(1−f·b), platform × 1/(1−f·b·(1−s₀/k)); b = Safari's share of actions",
        "one browser loses conversions, the others and the CRM do not; server events stay",
        lambda t, f, _: _outage(t, browsers=["safari"], share=f),
    ),
    Fault(
        "F3", "duplicate_firing", "repeats per action", 1.0, 0.0, 20.0, "platform, analytics ÷ (1+r)",
        f"{TAGS_GAIN}: every channel by the same factor; more conversions than orders",
        lambda t, r, _: {"transport.duplicate_rate": r, "transport.deduplicate": False},
    ),
    Fault(
        "F4", "undeduplicated_server", "server coverage s", 0.95, 0.0, 1.0, "platform × (p+s₀−p·s₀·m)/(p+s)",
        f"{MIRROR_PLATFORM}: conversions nearly double (CPA halves) where nothing blocks the pixel",
        lambda t, s, _: {"transport.server_coverage": s, "transport.event_id_match": 0.0},
    ),
    Fault(
        "F5", "server_side", "server coverage s", 0.95, 0.0, 1.0, "platform × (p+s₀−p·s₀·m)/(p+s−p·s)",
        f"{MIRROR_PLATFORM}: CPA falls in every channel, like a real improvement",
        lambda t, s, _: {"transport.server_coverage": s, "transport.event_id_match": 1.0},
    ),
    Fault(
        "F6", "wrong_trigger", "1: on", 1.0, 1.0, 1.0, "analytics, all channels ÷ visits per order",
        f"{TAGS_GAIN}: conversion rate near 1, CPA near CPC",
        lambda t, _s, _d: {"transport.action": "visit"},
    ),
    Fault(
        "F7", "wrong_definition", "1: on", 1.0, 1.0, 1.0, "analytics, all channels ÷ first steps per order",
        f"{TAGS_GAIN}: by the ratio of the steps",
        lambda t, _s, _d: {"transport.action": "first_step"},
    ),
    Fault(
        "F8", "value_bug", "factor on values", 1.2, 0.001, 1000.0, "CPA × 1, ROAS × factor",
        "CPA does not move, ROAS jumps",
        lambda t, factor, _: {"transport.value_factor": t.transport.value_factor * factor},
    ),
    Fault(
        "F9", "time_zone", "hours", 8.0, 0.0, 24.0, "all systems × 1 in total",
        "what tags count moves to other days, totals stay",
        lambda t, hours, _: {"transport.time_zone_shift_hours": hours},
    ),
    Fault(
        "F10", "shorter_window", "click window in days", 7.0, 0.01, 90.0, "platform clicks × F(W₁)/F(W₂)",
        f"{MIRROR_PLATFORM}: CPA rises, most in channels with a long lag",
        lambda t, days, _: _shorter(t, days),
    ),
    Fault(
        "F11", "views_removed", "1: on", 1.0, 1.0, 1.0, "platform × 1/(1−view share)",
        f"{MIRROR_PLATFORM}: CPA rises, only in channels that live on impressions",
        lambda t, _s, _d: _everywhere(t, view_days=0.0, engaged_days=0.0),
    ),
    Fault(
        "F12", "model_change", "1: on", 1.0, 1.0, 1.0, "analytics: all channels together × 1",
        "analytics' channels move against each other, their sum does not; fractions appear",
        lambda t, _s, _d: {"analytics.rule": "last" if t.analytics.rule == "linear" else "linear"},
    ),
    Fault(
        "F13", "platform_model", "1: on", 1.0, 1.0, 1.0, "each platform together × 1",
        "channels of one platform move against each other, their sum does not",
        lambda t, _s, _d: _everywhere(t, rule="linear"),
    ),
    Fault(
        "F14", "gateway_referral", "share of checkouts g", 0.3, 0.0, 0.99, "analytics × 1/(1−g)",
        f"{MIRROR_ANALYTICS}: CPA of every channel rises by the same factor, referral takes what they lose",
        lambda t, g, _: {"transport.gateway_share": g},
    ),
    Fault(
        "F15", "click_id_stripped", "share of devices f", 0.3, 0.0, 0.99, "platform clicks × 1/(1−f·(1−λ)), λ = log-in match",
        f"{MIRROR_PLATFORM}: CPA rises, clicks and sessions stay",
        lambda t, f, _: {
            "transport.click_id_loss": _and_lost(t.transport.click_id_loss, f),
            "transport.click_id_loss_safari": _and_lost(t.transport.click_id_loss_safari, f),
        },
    ),
    Fault(
        "F16", "utm_lost", "share of people f", 0.3, 0.0, 0.99, "analytics, paid × 1/(1−f)",
        f"{MIRROR_ANALYTICS}: CPA of paid channels rises, direct takes what they lose",
        lambda t, f, _: {"transport.utm_loss": _and_lost(t.transport.utm_loss, f)},
    ),
    Fault(
        "F17", "consent_banner", "share that accepts c (today c₀)", 0.55, 0.01, 1.0,
        "analytics × c₀/c, platform × (c₀+(1−c₀)·m·ρ)/(c+(1−c)·m·ρ)",
        f"{TAGS_LOSE}; platform less where it models",
        lambda t, c, _: {"consent.share": c, "consent.accept": {}},
    ),
    Fault(
        "F18", "late_ingestion", "mean delay in hours", 96.0, 0.0, 2400.0, "platform, analytics × 1/F(age)",
        f"{TAGS_LOSE}: only the most recent days, which fill up when read again",
        lambda t, hours, _: {"transport.latency_hours": hours, "report.read_after_days": 0.0},
    ),
    Fault(
        "F19", "cookie_cap", "cookie lifetime in days", 1.0, 0.01, 400.0, "no closed form; last click almost × 1",
        "new visitors rise, paths get shorter, direct takes from analytics' paid channels (their CPA rises)",
        lambda t, days, _: {
            f"identity.{name}": min(days, getattr(t.identity, name))
            for name in ("cookie_days", "cookie_days_safari", "cookie_days_safari_decorated")
        },
    ),
    Fault(
        "F20", "bot_clicks", "robots' share of clicks b", 0.15, 0.0, 0.95, "all systems, cpc × 1/(1−b)",
        "cost rises and conversions do not: CPA rises in every system, in channels paid by click only",
        lambda t, b, _: {"intrusion.bot_click_share": b},
    ),
    Fault(
        "F21", "fake_leads", "fake actions per genuine one", 0.3, 0.0, 20.0, "platform, analytics ÷ (1+φ)",
        "platform and analytics gain conversions (CPA falls), what the CRM qualifies does not",
        lambda t, rate, _: {"intrusion.fake_lead_rate": rate},
    ),
    Fault(
        "F22", "crm_match_loss", "share of orders f", 0.3, 0.0, 0.99, "CRM × 1/(1−f)",
        "CPA of the CRM's channels rises, its total is right; platform and analytics do not move",
        lambda t, f, _: {"crm.source_missing_share": _and_lost(t.crm.source_missing_share, f)},
    ),
    Fault(
        "F23", "report_sampling", "share of actions sampled", 0.1, 0.001, 1.0, "analytics × 1 and noise",
        "analytics is noisy without bias; rows do not add up when read again",
        lambda t, share, _: {"analytics.sampling_share": share},
    ),
    Fault(
        "F23b", "rows_withheld", "fewest actions shown", 20.0, 0.0, 1e6, "analytics × 1, or no row at all",
        "analytics' small channels vanish, the others do not move; rows do not add up to the total",
        lambda t, least, _: {"analytics.threshold_conversions": max(least, t.analytics.threshold_conversions)},
    ),
    Fault(
        "F24", "missing_linker", "1: on", 1.0, 1.0, 1.0, "platform clicks × 1/(λ+(1−λ)·G), G = same-session share",
        f"{MIRROR_PLATFORM}: CPA rises, only actions of the session that clicked are left",
        lambda t, _s, _d: _everywhere(t, click_id_kept=False),
    ),
    Fault(
        "F25", "coupon_overwrite", "share of checkouts h", 0.24, 0.0, 0.99, "analytics, other channels × 1/(1−h)",
        "the affiliate's share at checkout exceeds that at landing: others' CPA rises, the affiliate's bill rises",
        lambda t, h, _: {"intrusion.coupon_share": h},
    ),
)  # fmt: skip

BY_NAME: Mapping[str, Fault] = {fault.name: fault for fault in FAULTS}
BY_CODE: Mapping[str, Fault] = {fault.code.lower(): fault for fault in FAULTS}


def find_fault(word: str) -> Fault | None:
    """The fault of this name or code; none where there is none."""
    return BY_NAME.get(word) or BY_CODE.get(word.lower())


def known_faults(word: str) -> str:
    """A hint where there is no such fault: every code where the word looks like one, else a name like it."""
    if re.fullmatch(r"f\d+\w*", word.lower()):
        return f"the codes are {', '.join(fault.code for fault in FAULTS)}"
    return did_you_mean(word, BY_NAME)


def with_faults(tracking: Tracking, days: float, first_step: str) -> Tracking:
    """The tracking with all its faults at work, from the last to the first (so that F4 breaks what F5 set up).

    Args:
        tracking: with `faults` by name.
        days: length of the run.
        first_step: the funnel's first step, which a wrong definition counts.
    """
    if not tracking.faults:
        return tracking
    for fault in reversed(FAULTS):
        size = tracking.faults.get(fault.name)
        if size is not None:
            tracking = changed(tracking, fault.settings(tracking, size, days))
    if tracking.transport.action == "first_step":
        tracking = changed(tracking, {"transport.action": first_step})
    return tracking


def changed(tracking: Tracking, settings: Mapping[str, Any]) -> Tracking:
    """The tracking with these values, by dotted path."""
    tables = tracking.model_dump()
    for path, value in settings.items():
        *parts, last = path.split(".")
        here = tables
        for part in parts:
            here = here[part]
        here[last] = value
    return Tracking.model_validate(tables)


def impossible(faults: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with faults and sizes: (name, rule, value)."""
    for name, size in faults.items():
        fault = BY_NAME.get(name)
        if fault is None:
            yield name, "is no fault of the library", repr(name)
        elif not fault.smallest <= size <= fault.largest:
            yield (
                name,
                f"must lie between {fault.smallest:g} and {fault.largest:g} ({fault.size})",
                f"{size:g}",
            )
