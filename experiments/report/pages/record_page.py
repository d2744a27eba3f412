"""What each system recorded, as one page: orders by channel, groups, postbacks, the noisy report (orders, money)."""

from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.systems_report import SystemsReport
from experiments.comparison.verdict import words
from experiments.report.charts.intervals import Mark, mark_chart
from experiments.report.numerals import counts
from experiments.report.pages.figure_page import Section, render_figures

if TYPE_CHECKING:
    import altair as alt

SYSTEMS = (
    Mark("platform", "platforms claim", "circle", "claimed"),
    Mark("analytics", "web analytics credits", "square", "organic"),
    Mark("crm", "the CRM has", "diamond", "true"),
)


def render_record(found: SystemsReport, title: str, currency: str) -> str:
    """The page of a record.

    Args:
        found: what each system saw.
        title: of the market.
        currency: of its money.
    """
    channels = found.channels.sort_values("platform", ascending=False)
    noisy = found.aggregate
    sections = [
        Section(
            "Orders by channel", "Each channel as the three systems have it.", systems_chart(channels),
            _in_words(channels), SYSTEMS,
        ),
        Section(
            "Web analytics by channel group",
            f"By GA4’s published rules on the UTM parameters; money in {currency}.", None, _in_words(found.groups),
        ),
        Section(
            "Privacy-preserving postbacks", "By window after the first click; coarse values, and what was withheld.", None,
            _in_words(found.postbacks),
        ),
        Section("Noisy aggregate report", "Unbiased, with standard errors.", None, _in_words(noisy)),
    ]  # fmt: skip
    return render_figures(
        f"{title}: what each system recorded",
        [found.summary()],
        sections,
        kicker="The same orders in three systems",
    )


def systems_chart(channels: pd.DataFrame) -> "alt.LayerChart":
    """Orders per channel, a mark per system: told apart by shape as well as colour."""
    named = channels.assign(name=[words(str(channel)) for channel in channels["channel"]])
    return mark_chart(named, "name", SYSTEMS, "orders")


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers of a column alike: all whole, or all with one decimal."""
    numeric = [column for column in frame.columns if pd.api.types.is_numeric_dtype(frame[column])]
    return frame.assign(**{column: counts([float(x) for x in frame[column]]) for column in numeric})
