"""What each system recorded, as one page: orders by channel, groups, postbacks, the noisy report (orders, money)."""

from typing import TYPE_CHECKING

import pandas as pd

from experiments.comparison.systems_report import SystemsReport
from experiments.report.figure_page import Section, render_figures
from experiments.report.palette import LIGHT, Palette

if TYPE_CHECKING:
    import altair as alt

SYSTEMS = ("platform", "analytics", "crm")
IN_WORDS = {"platform": "platforms claim", "analytics": "web analytics credits", "crm": "the CRM has"}


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
            "Orders by channel", "Each channel as the three systems have it.", systems_chart(channels), _in_words(channels),
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
    )


def systems_chart(channels: pd.DataFrame, palette: Palette = LIGHT) -> "alt.Chart":
    """Orders per channel, a mark per system: told apart by shape as well as colour."""
    import altair as alt

    long = channels.melt("channel", list(SYSTEMS), "system", "orders")
    long["system"] = long["system"].map(IN_WORDS)
    long["channel"] = long["channel"].str.replace("_", " ").str.capitalize()
    order = list(dict.fromkeys(long["channel"]))
    names = list(IN_WORDS.values())
    colours = alt.Scale(domain=names, range=[palette.claimed, palette.true, palette.organic])
    shapes = alt.Scale(domain=names, range=["circle", "diamond", "square"])
    return (  # type: ignore[no-any-return]  # altair's configure is untyped
        alt.Chart(long)
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            alt.X("orders:Q", title="orders"),
            alt.Y("channel:N", title=None, sort=order),
            alt.Color("system:N", title=None, scale=colours),
            alt.Shape("system:N", title=None, scale=shapes),
            alt.YOffset("system:N", sort=names),
        )
        .properties(width=520, height=26 * max(len(order), 1))
        .configure(background=palette.paper)
    )


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Names without underscores; numbers as a reader wants them."""
    from experiments.report.numerals import counts

    shown = frame.copy()
    for column in shown.columns:
        if pd.api.types.is_numeric_dtype(shown[column]):
            shown[column] = counts([float(x) for x in shown[column]])
        else:
            shown[column] = shown[column].astype(str).str.replace("_", " ")
    return shown
