"""Why systems disagree, as one page: normal or a bug, and each cause's part of the gap with its range (actions)."""

import pandas as pd

from experiments.own_market.reconcile import CauseShare, Reconciliation
from experiments.report.charts.intervals import Mark, mark_chart
from experiments.report.numerals import UNDEFINED, count, percent
from experiments.report.pages.figure_page import KeyNumber, Section, render_figures

__all__ = ["render_reconciliation"]

MIDDLE = Mark("middle", "middle of what is possible", "diamond", "true")
WORDS = {"platform": "the ad platform", "analytics": "web analytics", "crm": "the CRM"}


def render_reconciliation(found: Reconciliation) -> str:
    """The page of a reconciliation.

    Args:
        found: verdicts and causes.
    """
    gaps: dict[tuple[str, str], list[CauseShare]] = {}
    for cause in found.causes:
        gaps.setdefault((cause.channel, cause.compared), []).append(cause)
    several = len(found.verdicts) > 1
    lines = found.summary().splitlines()
    verdicts, others = lines[: len(found.verdicts)], lines[len(found.verdicts) :]
    figures = pd.DataFrame(
        {
            "channel": [own.channel for own in found.figures],
            **{name: [count(getattr(own, name)) for own in found.figures] for name in WORDS},
            "verdict": [found.verdict(own.channel).word for own in found.figures],
            "probability of a bug": [percent(v.bug) if v.judged else UNDEFINED for v in (found.verdict(f.channel) for f in found.figures)],
        }
    )  # fmt: skip
    sections = [_gap(channel if several else "", compared, own) for (channel, compared), own in gaps.items()]
    sections.insert(
        min(len(sections), 2), Section("What was given", "Each system’s count of the same actions.", None, figures)
    )
    sections.append(Section("In sentences", " ".join(others), None, pd.DataFrame()))
    return render_figures(
        "Why Ads, analytics and the CRM disagree", verdicts, sections,
        kicker="The same actions, channel and period in several systems",
        numbers=[
            KeyNumber(percent(1 - found.bug), "probability that the gap is normal: no bug is needed to explain it"),
            KeyNumber(percent(found.bug), "probability that something is broken in some channel", "claimed"),
        ],
        assumed="Rates that you did not give run over published ranges; every one that you know narrows the parts. Before the figures "
        "are seen, one market in five is taken to be broken. Three numbers seldom prove health: most faults at their usual size "
        "hide within what is normal.",
    )  # fmt: skip


def _gap(channel: str, compared: str, causes: list[CauseShare]) -> Section:
    first, second = compared.split(" - ")
    gap = sum(cause.middle for cause in causes)
    rows = sorted(causes, key=lambda cause: -abs(cause.middle))
    frame = pd.DataFrame(
        {
            "name": [cause.cause for cause in rows],
            "middle": [cause.middle for cause in rows],
            "lower": [cause.lower for cause in rows],
            "upper": [cause.upper for cause in rows],
            "remark": [f"{count(c.middle)} ({count(c.lower)} to {count(c.upper)})" for c in rows],
        }
    )
    table = pd.DataFrame(
        {
            "cause": frame["name"],
            "middle": [count(c.middle) for c in rows],
            "90% range": [f"{count(c.lower)} to {count(c.upper)}" for c in rows],
            "share of the gap": [percent(c.share) for c in rows],
        }
    )
    more = "more" if gap >= 0 else "fewer"
    sentence = f"{WORDS[first].capitalize()} counts {count(abs(gap))} actions {more} than {WORDS[second]}; the parts add up to that."
    chart = mark_chart(
        frame,
        "name",
        (MIDDLE,),
        "actions added to, or taken from, the first",
        interval=("lower", "upper"),
        remark="remark",
    )
    heading = f"From {WORDS[second]} to {WORDS[first]}"
    return Section(
        f"{channel}: {heading[0].lower()}{heading[1:]}" if channel else heading,
        sentence,
        chart,
        table,
        (MIDDLE,),
        "90% range",
        folded=True,
    )
