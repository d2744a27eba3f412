"""What a planned change of tracking must do to CPA, as one page: factors with their bands, parts, weeks (currency units)."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.verdict import system_in_words, words
from experiments.report.charts.intervals import Mark, mark_chart
from experiments.report.numerals import UNBOUNDED, UNDEFINED, count, money
from experiments.report.pages.figure_page import KeyNumber, Section, render_figures
from experiments.rollout.rollout import CpaShift, Rollout
from experiments.truth.effects import ALL

if TYPE_CHECKING:
    import altair as alt

__all__ = ["render_rollout", "shift_chart"]

EXPECTED = Mark("multiplier", "expected: CPA tomorrow ÷ CPA today, the same events", "circle", "claimed")
BAND = "what to see if the change is all there is; outside, suspect a bug"
SYSTEMS = {"platform": "Platforms", "analytics": "Web analytics", "crm": "CRM"}
LONGEST_SEEN = 1e5  # days; what needs longer is never seen


def render_rollout(found: Rollout, currency: str) -> str:
    """The page to send round before a change goes live.

    Args:
        found: what to expect.
        currency: of the money.
    """
    whole = [shift for shift in found.shifts if shift.channel == ALL]
    told = [f"{system_in_words(shift.system)}: CPA of all paid channels" for shift in whole]  # by the numbers above
    lines = [line for line in found.summary().splitlines() if not line.startswith(tuple(told))]
    sections = [
        _shifts("All paid channels", "Each system counts the same orders before and after; its CPA moves by this factor.", whole),
        _shifts(
            "Channel by channel", "A channel moves more than the whole where more of its orders are recorded otherwise.",
            [shift for shift in found.shifts if shift.channel != ALL],
        ),
    ]  # fmt: skip
    if len(whole[0].parts) > 1:
        sections.append(
            Section("What each change does", "The factors of a row multiply to what is expected.", None, _parts(found))
        )
    if not found.weeks.empty:
        sections.append(
            Section(
                "CPA by week, all paid channels",
                f"In {currency}, on the day each system books an order: as recorded today and as recorded tomorrow.", None,
                _weeks(found.weeks),
            )
        )  # fmt: skip
    return render_figures(
        f"{found.plan.title or 'A change of tracking'}: which shift of CPA to expect",
        [
            _happens(found),
            *lines,
        ],
        sections,
        kicker="Before a change of tracking: what is expected, and what would be a bug",
        numbers=[KeyNumber(_factor(shift.multiplier), _meaning(shift), "claimed") for shift in whole],
        assumed=f"Bands compare {found.days:g} days before with {found.days:g} days after in a market of {found.people:,} people; "
        "the whole table stays within its bands in 19 of 20 such rollouts. Days side by side: both trackings at once, until a "
        f"loss of {found.fault_size:.0%} of the actions shows, 4 times out of 5. The market is simulated; how many orders "
        "move is as sure as its assumptions about tracking.",
    )


def _happens(found: Rollout) -> str:
    if any(change.real for change in found.plan.changes):
        return "Part of this change is real: people live again under it, so orders move as well as what is recorded of them."
    return "The same people, ads and orders, recorded as today and as tomorrow. What moves is the report."


def _meaning(shift: CpaShift) -> str:
    return f"{SYSTEMS[shift.system]}: CPA of all paid channels goes from {money(shift.cpa_today)} to {money(shift.cpa_tomorrow)}"


def shift_chart(shifts: Sequence[CpaShift]) -> "alt.LayerChart":
    """Per channel and system the factor of CPA, over the band outside of which a bug is suspected."""
    frame = pd.DataFrame(
        {
            "name": [_name(shift) for shift in shifts],
            "multiplier": [shift.multiplier for shift in shifts],
            "lower": [shift.alert_lower for shift in shifts],
            "upper": [shift.alert_upper for shift in shifts],
            "remark": [_factor(shift.multiplier) for shift in shifts],
        }
    )
    title = "CPA tomorrow ÷ CPA today, logarithmic"
    return mark_chart(
        frame, "name", (EXPECTED,), title, interval=("lower", "upper"), remark="remark", reference=1.0, log=True
    )


def _shifts(heading: str, sentence: str, shifts: Sequence[CpaShift]) -> Section:
    table = pd.DataFrame(
        {
            "": [_name(shift) for shift in shifts],
            "CPA today": [money(shift.cpa_today) for shift in shifts],
            "CPA tomorrow": [money(shift.cpa_tomorrow) for shift in shifts],
            "expected": [_factor(shift.multiplier) for shift in shifts],
            "suspect a bug outside": [_band(shift.alert_lower, shift.alert_upper) for shift in shifts],
            "days side by side": [
                count(shift.parallel_days, 1) if shift.parallel_days < LONGEST_SEEN else "never" for shift in shifts
            ],
        }
    )
    return Section(heading, sentence, shift_chart(shifts), table, (EXPECTED,), BAND)


def _name(shift: CpaShift) -> str:
    return SYSTEMS[shift.system] if shift.channel == ALL else f"{words(shift.channel)}, {system_in_words(shift.system)}"


def _factor(value: float) -> str:
    return f"× {value:.3f}" if math.isfinite(value) else UNDEFINED


def _band(lower: float, upper: float) -> str:
    if math.isnan(lower) or math.isnan(upper):
        return UNDEFINED
    return f"× {lower:.3f} to {f'{upper:.3f}' if math.isfinite(upper) else UNBOUNDED}"


def _parts(found: Rollout) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"": f"All, {shift.system}" if shift.channel == ALL else _name(shift)}
            | {part: _factor(value) for part, value in shift.parts.items()}
            | {"expected": _factor(shift.multiplier)}
            for shift in found.shifts
        ]
    )


def _weeks(weeks: pd.DataFrame) -> pd.DataFrame:
    """A row per week, a column per system and tracking."""
    own = weeks[weeks["channel"] == ALL]
    columns = own["system"].str.replace("crm", "CRM") + ", " + own["tracking"]
    wide = own.assign(column=columns).pivot(index="week", columns="column", values="cost_per_conversion")
    shown = wide[list(dict.fromkeys(columns.sort_values(key=lambda c: c.str.split(",").str[0], kind="stable")))]
    return shown.map(money).reset_index().rename_axis(None, axis=1)
