"""Causes of gaps between systems: by which factor each moves what a system counts of a channel's orders (logarithms).

A channel's orders are those whose last click that was not direct was its own. Every system sees them through factors: what
it loses (consent, blockers, cookies), what it adds (views, other channels' orders, modelling). Each factor is a closed form
of rates that lie within published ranges, or are known to the team.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.rollout.expect import RANGES
from simulator.record.closed_forms import Rates, default_lag_cdf, multipliers

__all__ = ["BUGS", "CAUSES", "CLAIM_SYSTEMS", "RATES", "Bug", "bugs", "draw_causes"]

Floats = npt.NDArray[np.float64]
CLAIM_SYSTEMS = ("platform", "analytics", "crm")
Range = tuple[float, float, float]
Lag = Callable[[float], float]

# Each cause, and the one figure that shows its size.
CAUSES: Mapping[str, str] = {
    "consent": "the share of visitors who accept, by your banner's own count",
    "modelled": "the platform's modelled conversions, apart from those it observed",
    "blockers and tags": "orders of the shop without any purchase event (join by transaction id)",
    "duplicates": "purchase events per transaction id, in the platform's event manager and in analytics",
    "views": "the platform's conversions after clicks alone",
    "windows": "the platform's conversions by days since the click",
    "dates": "the same figures for a period that ended a month ago: recent clicks still gain orders",
    "double claims": "orders with a click id of this platform whose stored source is another",
    "recognition": "the share of ad clicks whose click id is stored with the order",
    "sources": "sessions with a click id that analytics calls direct or unassigned",
    "gateway": "analytics' conversions from payment gateways as referral (paypal, klarna …)",
    "cookies": "the share of orders in the first session of their cookie",
    "source missing": "orders without a source in the CRM",
    "refunds": "the CRM's orders before refunds and cancellations",
    "definition": "what exactly each system counts: event name, trigger page, test and fake orders",
}
OTHER = "not told apart"

# Lowest, usual, highest. [V] vendors, [O] official, [M] assumption; those of `expect` are explained there.
RATES: Mapping[str, Range] = {
    name: RANGES[name] for name in ("pixel", "match", "click_days", "log_in", "same_session", "recovered")
} | {
    "consent": (0.30, 0.90, 1.0),  # EU 30 to 70 % [V]; all where no banner asks
    "server": (0.0, 0.30, 0.95),  # a conversions API beside the pixel, or none [M]
    "view": (0.0, 0.30, 0.90),  # none in search; 15 to 40 % at Meta [V]; most in retargeting and video [M]
    "blockers": (0.02, 0.15, 0.30),  # 10 to 20 % of clicks, more in technical audiences [V]
    "tags": (0.90, 0.97, 1.0),  # of analytics, where nothing blocks them [M]
    "repeats": (0.0, 0.0, 0.06),  # after de-duplication; 3 % before [M]
    "double": (0.0, 0.25, 1.0),  # orders of other channels with an own click, per own order; 15 to 84 % in all [V]
    "platforms_per_order": (0.6, 1.4, 2.6),  # after double claims of 20 to 84 % [V] and before losses [M]
    "late_consent": (0.0, 0.0, 0.45),  # of all sources: 65 % of accepters accept late, where a banner asks [V]
    "utm": (0.0, 0.05, 0.15),  # [M]
    "sessions_missed": (0.0, 0.05, 0.12),  # 10 to 20 % fewer sessions than clicks, with blockers [V]
    "crm_by_utm": (0.0, 0.2, 1.0),  # share of lost UTM parameters that the CRM loses too; click ids help [M]
    "gateway": (0.0, 0.0, 0.10),  # [M]
    "cookies": (0.03, 0.12, 0.30),  # orders whose click was in another cookie; 31 % clear them in a month [V], rest [M]
    "source_missing": (0.0, 0.10, 0.25),  # [M]
    "refunds": (0.0, 0.0, 0.10),  # taken out of the CRM's figure; none where it shows all orders [M]
    "read_after_days": (0.0, 3.0, 30.0),  # age of the report at the period's end [M]
}
OF_CHANNEL = ("view", "double", "log_in", "click_days", "same_session", "platforms_per_order")  # the others are shared
UNTOLD = 0.10  # standard deviation of what no cause explains, in each system and channel [M]


@dataclass(frozen=True)
class Bug:
    """A fault of the library at one size: what it does to the logarithm of each system's count (3,), and to which cause."""

    fault: str
    size: float
    cause: str
    shift: Floats


BUGS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "tag_outage": ("blockers and tags", (0.2, 0.4, 0.6, 0.85)),
    "partial_outage": ("blockers and tags", (1.0,)),
    "duplicate_firing": ("duplicates", (0.3, 0.6, 1.0, 2.0)),
    "undeduplicated_server": ("duplicates", (0.5, 0.95)),
    "wrong_trigger": ("definition", (1.0,)),
    "wrong_definition": ("definition", (1.0,)),
    "fake_leads": ("definition", (0.3, 0.6, 1.2)),
    "gateway_referral": ("gateway", (0.2, 0.4, 0.6, 0.85)),
    "click_id_stripped": ("recognition", (0.3, 0.6, 0.9)),
    "missing_linker": ("recognition", (1.0,)),
    "utm_lost": ("sources", (0.2, 0.4, 0.6, 0.85)),
    "coupon_overwrite": ("sources", (0.15, 0.24, 0.4)),
    "late_ingestion": ("dates", (48.0, 96.0, 240.0)),
    "crm_match_loss": ("source missing", (0.2, 0.4, 0.6, 0.85)),
}
ONLY_SOURCES = ("gateway_referral", "utm_lost", "coupon_overwrite", "crm_match_loss")  # orders in all stay as they are


def bugs(known: Mapping[str, Range], lag: Lag, days: float, *, of_orders: bool) -> tuple[Bug, ...]:
    """Every bug that tells on counts: −ln of the closed form's factor on CPA, with the middle of each rate.

    Args:
        known: the rates' ranges.
        lag: share of click claims within so many days.
        days: length of the period.
        of_orders: whether all orders are compared, whatever their source.
    """
    middle = {name: known[name][1] for name in ("pixel", "server", "match", "log_in", "same_session", "consent")}
    own = {name: RANGES[name][1] for name in ("safari", "visits_per_order", "first_steps_per_order")}
    rates = replace(
        Rates(**middle, **own),  # type: ignore[arg-type]  # numbers by name
        lag_cdf=lag,
        arrived=lambda hours: _arrived(hours / 24.0, days),
    )
    found = []
    for name, (cause, sizes) in BUGS.items():
        if of_orders and name in ONLY_SOURCES:
            continue
        for size in sizes:
            factors = multipliers(name, size, rates)
            shift = np.array([-np.log(factors.get(system, 1.0)) for system in CLAIM_SYSTEMS])
            if np.abs(shift).max() > UNTOLD:
                found.append(Bug(name, size, cause, shift))
    return tuple(found)


def _arrived(mean_days: float, days: float) -> float:
    """Share of a period's actions that have arrived at its end, delays being exponential: 1 − (m/D)·(1 − e^(−D/m))."""
    return float(1.0 + mean_days / days * np.expm1(-days / mean_days))


def draw_causes(
    channels: int, known: Sequence[Mapping[str, Range]], lag: Lag, days: float, draws: int, *, of_orders: bool
) -> tuple[tuple[str, ...], Floats]:
    """Names of causes (K,), and draws of ln factor (draws, channels, K, 3) on what each system counts.

    Rates are triangular within their ranges; those of tags and browsers are shared by all channels.

    Args:
        channels: how many.
        known: the rates' ranges of each.
        lag: share of click claims within so many days.
        days: length of the period.
        draws: how many.
        of_orders: whether all orders are compared, whatever their source.
    """
    rng = np.random.default_rng(20_260_101)
    quantiles = {name: rng.random(draws) for name in RATES}
    names: tuple[str, ...] = ()
    parts = []
    for channel in range(channels):
        at = {
            name: _triangular(known[channel][name], rng.random(draws) if name in OF_CHANNEL else quantiles[name])
            for name in RATES
        }
        factors = _factors(at, lag, days, of_orders=of_orders)
        one, two, three = np.exp(UNTOLD * rng.standard_normal((3, draws)))
        factors[OTHER] = (one, two, three)
        names = tuple(factors)
        parts.append(np.stack([np.stack([np.log(f) * np.ones(draws) for f in row], -1) for row in factors.values()], 1))
    return names, np.stack(parts, 1)


def _factors(at: Mapping[str, Floats], lag: Lag, days: float, *, of_orders: bool) -> dict[str, tuple[Any, Any, Any]]:
    """Each cause's factor on platform, analytics and CRM."""
    c = at["consent"]
    table = np.linspace(0.0, days + 100.0, 800)
    share = np.array([lag(x) for x in table]) / lag(90.0)
    within = np.interp(at["click_days"], table, share)
    # Clicks of a period of D days, booked on their own day and read r days after its end: those old enough have their orders.
    ages = (np.arange(20) + 0.5) / 20 * days + at["read_after_days"][:, None]
    dates = np.minimum(np.interp(ages, table, share), within[:, None]).mean(axis=1) / within
    log_in, kept = at["log_in"], at["same_session"] + (1 - at["same_session"]) * (1 - at["cookies"])
    sent = at["pixel"] + at["server"] - at["pixel"] * at["server"] * at["match"]
    found = {
        "consent": (c, c, 1.0),
        "modelled": (1 + at["recovered"] * (1 - c) / c, 1.0, 1.0),
        "blockers and tags": (sent, (1 - at["blockers"]) * at["tags"], 1.0),
        "duplicates": (1.0 + at["repeats"], 1.0 + at["repeats"], 1.0),
        "windows": (within, 1.0, 1.0),
        "dates": (dates, 1.0, 1.0),  # analytics and CRM book on the day of the order
        "recognition": (log_in + (1 - log_in) * kept, 1.0, 1.0),
        "refunds": (1.0, 1.0, 1 - at["refunds"]),
        "definition": (1.0, 1.0, 1.0),
    }
    if of_orders:
        return found | {"double claims": (at["platforms_per_order"], 1.0, 1.0)}
    known = 1 - at["late_consent"]
    return found | {
        "views": (1 / (1 - np.minimum(at["view"], 0.98)), 1.0, 1.0),
        "double claims": (1 + at["double"], 1.0, 1.0),
        "sources": (
            1.0,
            known * (1 - at["utm"]) * (1 - at["sessions_missed"]),
            known * (1 - at["utm"] * at["crm_by_utm"]),
        ),
        "gateway": (1.0, 1 - at["gateway"], 1.0),
        "cookies": (1.0, 1 - at["cookies"], 1 - at["cookies"]),
        "source missing": (1.0, 1.0, 1 - at["source_missing"]),
    }


def _triangular(ends: Range, uniform: Floats) -> Floats:
    """Quantiles of the triangular distribution."""
    low, middle, high = ends
    if high <= low:
        return np.full(len(uniform), low)
    rising = (middle - low) / (high - low)
    up = low + np.sqrt(uniform * (high - low) * (middle - low))
    down = high - np.sqrt((1 - uniform) * (high - low) * (high - middle))
    return np.where(uniform < rising, up, down)


def lag_of(points: Sequence[tuple[float, float]] | None) -> Lag:
    """F(days): a team's own points, or the published lag."""
    if not points:
        return default_lag_cdf
    days, share = [0.0, *(d for d, _ in points)], [0.0, *(s for _, s in points)]
    return lambda x: float(np.interp(x, days, share))
