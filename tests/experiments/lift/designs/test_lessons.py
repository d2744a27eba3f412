"""Lift tests against the truth: sound designs are right on average, and three famous mistakes are as wrong as they must be.

The short version of each runs with few seeds; `make study` runs many and writes docs/lift-lessons.md.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from experiments.lift.designs.design import LEVEL
from experiments.lift.designs.registry import find_designs
from experiments.lift.designs.side_by_side import SideBySide, run_designs

DOCUMENT = Path(__file__).parents[4] / "docs" / "lift-lessons.md"
CHANNELS = ("social_prospecting", "retargeting", "video")
SOUND = ("user_holdout", "user_holdout_adjusted", "ghost_ads", "predicted_ghost_ads", "login_holdout")
FEW, MANY = 6, 40
BAND = 3.3  # standard errors; two-sided false alarm 0.001 for each number

OPTIMISED = {
    "channels.social_prospecting.campaigns.lookalikes.optimisation": 1.0,
    "channels.social_prospecting.campaigns.lookalikes.bid": 1.9,
    "channels.social_prospecting.campaigns.lookalikes.daily_budget": None,
}


@dataclass(frozen=True)
class Lesson:
    """A mistake, a channel on which it shows, and the design that gets it right there."""

    title: str
    text: str
    channel: str
    mistake: str
    sound: str
    changes: dict[str, object]


LESSONS = {
    "exposed": Lesson(
        "Comparing people who saw an ad with people who saw none",
        "Retargeting follows people who were on the site. They buy more than others without any ad, and the comparison\n"
        "takes all of that for the effect of the ads. No interval is wide enough: it measures different people, precisely.",
        "retargeting",
        "exposed_vs_unexposed",
        "ghost_ads",
        {},
    ),
    "psa": Lesson(
        "Placebo ads where delivery is optimised",
        "The ad server shows the ads to people who are likely to buy, and the placebo ads to people who are likely to click\n"
        "on placebos. Those who saw a placebo are no picture of those who saw the ad. (The campaign here bids a tenth of\n"
        "the preset's bid, times the predicted propensity to convert.) Arm sizes that do not fit the plan give it away.",
        "social_prospecting",
        "psa",
        "ghost_ads",
        OPTIMISED,
    ),
    "cookie": Lesson(
        "Assigning cookies instead of people",
        "People have several devices and their cookies die. A cookie in the holdout belongs to somebody who sees the ads\n"
        "with another one, and an order placed with one cookie may be the work of an ad seen with another. The effect is\n"
        "diluted, and the interval is narrow around the wrong number. Assigned by person, the same test holds.",
        "social_prospecting",
        "cookie_holdout",
        "ghost_ads",
        {},
    ),
}


def over_seeds(tested_shop, designs, channels, repeats, changes=None) -> SideBySide:
    scenario = tested_shop({"run.users": 20_000, "run.seed": 500, **(changes or {})})
    return run_designs(scenario, find_designs(designs), channels, repeats=repeats)


def z_of(found: SideBySide, channel: str, design: str) -> float:
    """Σ (estimate − truth) / standard error / √n: standard normal where the design is unbiased and knows its error."""
    errors = [
        (r.reading.lift.difference - r.truth.incremental_conversions) / r.reading.lift.standard_error
        for r in found.results
        if (r.channel, r.design) == (channel, design)
    ]
    return float(np.sum(errors)) / math.sqrt(len(errors))


def row_of(found: SideBySide, channel: str, design: str):
    table = found.over_seeds()
    return table[(table["channel"] == channel) & (table["design"] == design)].iloc[0]


def check_lesson(name: str, found: SideBySide) -> None:
    """The sound design holds within the band; the mistake lies outside of it, by as much as the lesson says."""
    lesson = LESSONS[name]
    assert abs(z_of(found, lesson.channel, lesson.sound)) < BAND
    wrong = row_of(found, lesson.channel, lesson.mistake)
    truth = wrong["true_incremental_conversions"]
    low, high = (wrong["bias"] + sign * BAND * wrong["bias_standard_error"] for sign in (-1, 1))
    if name == "exposed":
        assert truth > 0
        assert truth + low > 3 * truth
    elif name == "psa":
        assert low > 0.5 * truth
        assert any("sample-ratio" in note for r in found.results if r.design == "psa" for note in r.reading.notes)
    else:
        assert high < -0.1 * truth
        assert wrong["coverage"] < LEVEL


@pytest.mark.parametrize("name", LESSONS)
def test_a_mistake_is_as_wrong_as_it_must_be_and_the_sound_design_is_not(tested_shop, name):
    lesson = LESSONS[name]
    found = over_seeds(tested_shop, (lesson.mistake, lesson.sound), (lesson.channel,), FEW, lesson.changes)
    check_lesson(name, found)


def test_sound_designs_are_right_on_average(tested_shop):
    # Five designs on three channels: a family of 15, false alarm about 0.015.
    found = over_seeds(tested_shop, SOUND, CHANNELS, FEW, {"run.users": 10_000})
    for channel in CHANNELS:
        for design in SOUND:
            assert abs(z_of(found, channel, design)) < BAND, (channel, design)


def test_placebo_ads_are_right_where_delivery_is_not_optimised(tested_shop):
    found = over_seeds(tested_shop, ("psa",), ("social_prospecting", "video"), FEW)
    for channel in ("social_prospecting", "video"):
        assert abs(z_of(found, channel, "psa")) < BAND


# ---------------------------------------------------------------- the study


def table_of(found: SideBySide, designs) -> list[str]:
    lines = [
        "| channel | design | truth | bias | of the truth | coverage | width |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in found.over_seeds().itertuples():
        if row.design in designs:
            lines.append(
                f"| {row.channel} | {row.design} | {row.true_incremental_conversions:,.1f} "
                f"| {row.bias:+,.1f} ± {row.bias_standard_error:,.1f} | {row.relative_bias:+.0%} "
                f"| {row.coverage:.0%} ± {row.coverage_standard_error:.0%} | {row.width:,.0f} |"
            )
    return lines


def as_document(sound: SideBySide, lessons: dict[str, SideBySide]) -> str:
    """docs/lift-lessons.md: what the study found."""
    lines = [
        "# What lift tests find, beside the truth",
        "",
        f"`dtc-apparel` made busy (20,000 people, two weeks, many orders), half of the people held out, {MANY} seeds. Truth:",
        "mean incremental orders by twin worlds. Bias: mean of estimate minus truth, ± its standard error. Coverage: of 95 %",
        "intervals. Width: of those intervals, in orders. Written by `make study`; for a market of your own:",
        "`cpalab lifttests SCENARIO --repeats N`.",
        "",
        "## Sound designs",
        "",
        f"Each is within {BAND} standard errors of the truth. The holdout by log-in speaks of the people who log in, and is",
        "corrected for the ads they see logged out. The adjusted holdout begins on day 5, with the days before as its",
        "pre-period: its effect is that of the days left.",
        "",
        *table_of(sound, SOUND),
    ]
    for name, found in lessons.items():
        lesson = LESSONS[name]
        lines += ["", f"## {lesson.title}", "", lesson.text, "", *table_of(found, (lesson.mistake, lesson.sound))]
    return "\n".join(lines) + "\n"


@pytest.mark.study
def test_lift_tests_beside_the_truth(tested_shop) -> None:
    """Every sound design is unbiased and covers as it says; every mistake is outside of its band. Writes the document."""
    sound = over_seeds(tested_shop, SOUND, CHANNELS, MANY)
    lessons = {
        name: over_seeds(tested_shop, (lesson.mistake, lesson.sound), (lesson.channel,), MANY, lesson.changes)
        for name, lesson in LESSONS.items()
    }
    text = as_document(sound, lessons)
    sys.stdout.write(text)
    DOCUMENT.write_text(text, encoding="utf-8")
    table = sound.over_seeds()
    for row in table.itertuples():
        assert abs(z_of(sound, row.channel, row.design)) < BAND, (row.channel, row.design)
    for design, own in table.groupby("design"):
        # Binomial band; the three channels of a design are tested in the same worlds but on independent holdouts.
        assert abs(own["coverage"].mean() - LEVEL) < BAND * math.sqrt(LEVEL * (1 - LEVEL) / (3 * MANY)), design
    for name, found in lessons.items():
        check_lesson(name, found)
