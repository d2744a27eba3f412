"""Closed forms: the factor by which each fault must multiply reported CPA (today's CPA × factor = CPA with the fault)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.scenario.faults import find_fault


@dataclass(frozen=True)
class Rates:
    """What the closed forms need to know about today. Shares unless said otherwise.

    Attributes:
        pixel: coverage of the pixel, blockers included (p); server: of the server (s₀); match: of the two (m).
        between: (share of the days gone by at one moment, at a later one) → share of actions between them.
        safari: Safari's share of recorded actions.
        visits_per_order, first_steps_per_order: ratios of events.
        lag_cdf: F(days), share of claims by click within so many days; none: the published lag.
        click_days: today's click window.
        view: views' share of platform claims.
        log_in: share of click claims that a log-in recognises (λ); same_session: of the others, those of one session (G).
        consent: share that accepts today; recovered: m·ρ, what modelling adds per lost conversion.
        arrived: (mean delay in hours) → share of actions that have arrived when the report is read.
        analytics_actions: what analytics counts for the channel in question.
    """

    pixel: float = 1.0
    server: float = 0.0
    match: float = 1.0
    between: Callable[[float, float], float] = lambda begin, end: end - begin
    safari: float = 0.33
    visits_per_order: float = math.nan
    first_steps_per_order: float = math.nan
    lag_cdf: Callable[[float], float] | None = None
    click_days: float = 30.0
    view: float = 0.0
    log_in: float = 0.0
    same_session: float = math.nan
    consent: float = 1.0
    recovered: float = 0.0
    arrived: Callable[[float], float] = lambda hours: math.nan
    analytics_actions: float = math.inf


def default_lag_cdf(days: float, cut_days: float = 30.0) -> float:
    """F(days) of the published lag of online purchases: 45 % exponential with mean 0.7 h, 55 % with mean 11.5 d cut at 30 d.

    Fits Chapelle (2014, Criteo): about 35 % within an hour, 50 % within a day, 13 % after two weeks.
    """
    slow = -math.expm1(-min(days, cut_days) / 11.5) / -math.expm1(-cut_days / 11.5)
    return 0.45 * -math.expm1(-days * 24.0 / 0.7) + 0.55 * slow


def _tags(factor: float) -> dict[str, float]:
    return {"platform": factor, "analytics": factor, "crm": 1.0}


def _platform(factor: float) -> dict[str, float]:
    return {"platform": factor, "analytics": 1.0, "crm": 1.0}


def _analytics(factor: float) -> dict[str, float]:
    return {"platform": 1.0, "analytics": factor, "crm": 1.0}


def _today(r: Rates) -> float:
    return r.pixel + r.server - r.pixel * r.server * r.match


def _consented(share: float, recovered: float) -> float:
    return share + (1.0 - share) * recovered


def _outage(r: Rates, lost: float) -> dict[str, float]:
    """A share of the tags' actions is lost; of the platform's, those that servers send stay."""
    tags_only = 1 - r.server / _today(r)
    return {"platform": 1 / (1 - lost * tags_only), "analytics": 1 / (1 - lost), "crm": 1.0}


def _shorter(r: Rates, days: float) -> float:
    within = r.lag_cdf or default_lag_cdf
    return within(r.click_days) / within(min(days, r.click_days))


CLOSED_FORMS: Mapping[str, Callable[[Rates, float], dict[str, float]]] = {
    "tag_outage": lambda r, s: _outage(r, r.between((1 - s) / 2, (1 + s) / 2)),
    "partial_outage": lambda r, f: _outage(r, f * r.safari),
    "duplicate_firing": lambda r, x: _tags(1 / (1 + x)),
    "undeduplicated_server": lambda r, s: _platform(_today(r) / (r.pixel + s)),
    "server_side": lambda r, s: _platform(_today(r) / (r.pixel + s - r.pixel * s)),
    "wrong_trigger": lambda r, _: {"analytics": 1 / r.visits_per_order, "crm": 1.0},
    "wrong_definition": lambda r, _: {"analytics": 1 / r.first_steps_per_order, "crm": 1.0},
    "value_bug": lambda r, _: _tags(1.0),
    "time_zone": lambda r, _: _tags(1.0),
    "shorter_window": lambda r, days: _platform(_shorter(r, days)),
    "views_removed": lambda r, _: _platform(1 / (1 - r.view)),
    "model_change": lambda r, _: _tags(1.0),
    "platform_model": lambda r, _: _tags(1.0),
    "gateway_referral": lambda r, g: _analytics(1 / (1 - g)),
    "click_id_stripped": lambda r, f: _platform(1 / (1 - f * (1 - r.log_in))),
    "utm_lost": lambda r, f: _analytics(1 / (1 - f)),
    "consent_banner": lambda r, c: {
        "platform": _consented(r.consent, r.recovered) / _consented(c, r.recovered),
        "analytics": r.consent / c,
        "crm": 1.0,
    },
    "late_ingestion": lambda r, hours: _tags(1 / r.arrived(hours)),
    "bot_clicks": lambda r, b: dict.fromkeys(("platform", "analytics", "crm"), 1 / (1 - b)),
    "fake_leads": lambda r, x: _tags(1 / (1 + x)),
    "crm_match_loss": lambda r, f: {"platform": 1.0, "analytics": 1.0, "crm": 1 / (1 - f)},
    "report_sampling": lambda r, _: _tags(1.0),
    "rows_withheld": lambda r, least: _analytics(1.0 if r.analytics_actions >= least else math.inf),
    "missing_linker": lambda r, _: _platform(1 / (r.log_in + (1 - r.log_in) * r.same_session)),
    "coupon_overwrite": lambda r, h: _analytics(1 / (1 - h)),
}


def multipliers(fault: str, size: float, rates: Rates) -> dict[str, float]:
    """The factor on each system's CPA, in the channels that the fault concerns; empty where there is no closed form.

    Raises:
        KeyError: there is no such fault.
    """
    known = find_fault(fault)
    if known is None:
        raise KeyError(fault)
    return CLOSED_FORMS[known.name](rates, size) if known.name in CLOSED_FORMS else {}
