"""Lift tests against the truth: sound designs are right on average, and three famous mistakes are as wrong as they must be.

The short version of each runs with few seeds; `make study` runs many and writes docs/lift-lessons.md.
"""

import math
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from experiments.cli.lift.lifttests import command as lifttests
from experiments.cli.options import chosen_scenario
from experiments.designs.design import LEVEL
from experiments.designs.registry import find_designs
from experiments.designs.side_by_side import SideBySide, run_designs
from experiments.lift.estimate.lift_estimate import significance

DOCUMENT = Path(__file__).parents[3] / "docs" / "lift-lessons.md"
CHANNELS = ("social_prospecting", "retargeting", "video")
SOUND = ("user_holdout", "user_holdout_adjusted", "ghost_ads", "predicted_ghost_ads", "login_holdout")
# Worlds of the short tests, of a mistake in the study, and of the sound designs there.
FEW, MANY, MOST = 6, 40, 200
SOUND_USERS, LESSON_USERS = 10_000, 20_000
BAND = 3.3  # standard errors; two-sided false alarm 0.001 for each number

OPTIMISED = {
    "channels.social_prospecting.campaigns.lookalikes.optimisation": 1.0,
    "channels.social_prospecting.campaigns.lookalikes.bid": 1.9,
    "channels.social_prospecting.campaigns.lookalikes.daily_budget": None,
}
FRAGMENTED = {
    "channels.social_prospecting.goodwill_per_impression": 0.06,
    "population.devices_per_person": [0.1, 0.3, 0.6],
    "channels.social_prospecting.holdout.cookie_days": 7.0,
}


@dataclass(frozen=True)
class Lesson:
    """A mistake, a channel on which it shows, the design that gets it right there, and how many worlds show it."""

    title: str
    text: str
    channel: str
    mistake: str
    sound: str
    changes: dict[str, object]
    worlds: int = FEW


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
        # The optimised campaign's few buyers make the placebo comparison noisy: 80 orders of error from world to world.
        2 * FEW,
    ),
    "cookie": Lesson(
        "Assigning cookies instead of people",
        "People have several devices and their cookies die. A cookie in the holdout belongs to somebody who sees the ads\n"
        "with another one, and an order placed with one cookie may be the work of an ad seen with another. The effect is\n"
        "diluted, and the interval is narrow around the wrong number. Assigned by person, the same test holds. (Here most\n"
        "people have three devices, a cookie lives a week, and the ads are noticed.)",
        "social_prospecting",
        "cookie_holdout",
        "ghost_ads",
        FRAGMENTED,
    ),
}


# The market of the last lesson, as `cpalab lifttests dtc-geos --set …` takes it: small, busy, ads that are noticed, and all
# tests on the same days. Half of the people are held out, or half of the geos: then nobody else is, so the share is zero.
TESTED = "social_prospecting"
PEOPLE, DAYS, SEED = 20_000, 80, 500
IN_GEOS = (
    "population.need_per_day.mean=0.1", "need.satiation_days=2", "funnel.1.rate=0.5", "funnel.2.rate=0.4",
    f"channels.{TESTED}.goodwill_per_impression=0.06", f"channels.{TESTED}.holdout.start_day=50",
    f"channels.{TESTED}.holdout.end_day=70", f"channels.{TESTED}.holdout.cooldown_days=10",
)  # fmt: skip
WHOLE, USUAL, BROKEN = "one device, cookies that last", "as in the preset", "three devices, cookies of a week"
FRAGMENTATION = {
    WHOLE: ("population.devices_per_person=[1.0]", f"channels.{TESTED}.holdout.cookie_days=1e6"),
    USUAL: (),
    BROKEN: ("population.devices_per_person=[0.1,0.3,0.6]", f"channels.{TESTED}.holdout.cookie_days=7"),
}
HELD_OUT = {"user_holdout": 0.5, "cookie_holdout": 0.5, "go_dark_did": 0.0}


def words_for(fragments: str, share: float) -> tuple[str, ...]:
    """The values that the command sets."""
    return (*IN_GEOS, *FRAGMENTATION[fragments], f"channels.{TESTED}.holdout.share={share}")


def same_channel_thrice(fragments: str, repeats: int) -> SideBySide:
    """The same channel tested by person, by cookie and by geo, in worlds of as many devices and cookies per person."""
    found = []
    for share in dict.fromkeys(HELD_OUT.values()):
        designs = find_designs([design for design, own in HELD_OUT.items() if own == share])
        scenario = chosen_scenario("dtc-geos", PEOPLE, DAYS, SEED, words_for(fragments, share))
        found.append(run_designs(scenario, designs, (TESTED,), repeats=repeats))
    return replace(found[0], results=tuple(result for each in found for result in each.results))


def check_fragmentation(fragments: str, found: SideBySide) -> None:
    """By person and by geo a test holds in every world; by cookie only where a cookie is a person."""
    for design in HELD_OUT:
        if design != "cookie_holdout" or fragments == WHOLE:
            assert abs(z_of(found, TESTED, design)) < BAND, (fragments, design)
    if fragments != WHOLE:
        wrong = row_of(found, TESTED, "cookie_holdout")
        assert wrong["bias"] + BAND * wrong["bias_standard_error"] < -0.1 * wrong["true_incremental_conversions"]
        assert wrong["coverage"] < LEVEL


def over_seeds(tested_shop, designs, channels, repeats, changes=None) -> SideBySide:
    scenario = tested_shop({"run.users": LESSON_USERS, "run.seed": 500, **(changes or {})})
    return run_designs(scenario, find_designs(designs), channels, repeats=repeats)


def z_of(found: SideBySide, channel: str, design: str) -> float:
    """Σ (estimate − truth) / standard error / √n: standard normal where the design is unbiased and knows its error."""
    errors = [
        (r.reading.lift.difference - r.truth.incremental_conversions) / r.reading.lift.standard_error
        for r in found.results
        if (r.channel, r.design) == (channel, design)
    ]
    return float(np.sum(errors)) / math.sqrt(len(errors))


def price_coverage(found: SideBySide, design: str) -> tuple[float, int]:
    """Share of the price sets at LEVEL that hold the true cost per incremental conversion, over all channels; of how many."""
    held = []
    for r in found.results:
        if r.design == design:
            conversions = r.truth.incremental_conversions
            # The set reaches through infinity and, where orders may have been prevented, below zero.
            held.append(r.reading.cost.contains(r.truth.cost_micros / 1e6 / conversions if conversions else math.inf))
            lift = r.reading.lift
            assert (lift.p_value() < significance(LEVEL)) == (not r.reading.covers(0.0)) == r.reading.cost.bounded
    return float(np.mean(held)), len(held)


def effects_per_exposed(found: SideBySide, channel: str) -> tuple[float, float]:
    """Mean difference of estimated and true effect per person reached (ghost ads), and its standard error."""
    errors = [
        (r.reading.lift.difference - r.truth.incremental_conversions) / r.truth.people_reached
        for r in found.results
        if (r.channel, r.design) == (channel, "ghost_ads")
    ]
    return float(np.mean(errors)), float(np.std(errors, ddof=1)) / math.sqrt(len(errors))


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


@pytest.mark.study
@pytest.mark.parametrize("name", LESSONS)
def test_a_mistake_is_as_wrong_as_it_must_be_and_the_sound_design_is_not(tested_shop, name):
    lesson = LESSONS[name]
    found = over_seeds(tested_shop, (lesson.mistake, lesson.sound), (lesson.channel,), lesson.worlds, lesson.changes)
    check_lesson(name, found)


def test_sound_designs_are_right_on_average(tested_shop):
    # Five designs on three channels: a family of 15, false alarm about 0.015.
    found = over_seeds(tested_shop, SOUND, CHANNELS, FEW, {"run.users": SOUND_USERS})
    for channel in CHANNELS:
        for design in SOUND:
            assert abs(z_of(found, channel, design)) < BAND, (channel, design)
    check_prices(found, FEW)


def check_prices(found: SideBySide, repeats: int) -> None:
    """Price sets hold the true price as often as they say: a binomial band per design, three channels in each world.

    Channels are held out independently of one another, so their errors are all but independent.
    """
    for design in SOUND:
        held, count = price_coverage(found, design)
        assert count == len(CHANNELS) * repeats
        assert abs(held - LEVEL) < BAND * math.sqrt(LEVEL * (1 - LEVEL) / count), (design, held)


@pytest.mark.study
def test_placebo_ads_are_right_where_delivery_is_not_optimised(tested_shop):
    found = over_seeds(tested_shop, ("psa",), ("social_prospecting", "video"), FEW)
    for channel in ("social_prospecting", "video"):
        assert abs(z_of(found, channel, "psa")) < BAND


@pytest.mark.study
@pytest.mark.parametrize("fragments", [WHOLE, BROKEN])
def test_a_geo_test_holds_where_cookies_do_not(fragments):
    check_fragmentation(fragments, same_channel_thrice(fragments, FEW))


def test_the_commands_of_the_document_run_the_worlds_of_its_last_rows():
    text = DOCUMENT.read_text(encoding="utf-8").rpartition("```console\n")[2].removesuffix("```\n").replace("\\\n", " ")
    shares = dict.fromkeys(HELD_OUT.values())
    for line, share in zip(text.splitlines(), shares, strict=True):
        options = lifttests.make_context("lifttests", shlex.split(line)[3:]).params
        given = (options[name] for name in ("scenario", "users", "days", "seed", "overrides"))
        assert chosen_scenario(*given) == chosen_scenario("dtc-geos", PEOPLE, DAYS, SEED, words_for(BROKEN, share))
        designs = {design for design, own in HELD_OUT.items() if own == share}
        assert set(options["designs"][0].split(",")) == designs
        assert options["channels"] == (TESTED,)


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


def thrice_section(thrice: dict[str, SideBySide]) -> list[str]:
    """The last lesson: person, cookie and geo side by side, and the commands that show it."""
    lines = [
        "",
        "## The same channel tested by person, by cookie and by geo",
        "",
        f"`dtc-geos` made busy ({PEOPLE:,} people, {DAYS} days, {MANY} seeds), all tests on the same days. Half of the",
        "people are held out, or half of the cookies, or the ads are taken from one of every two geos. Tests of people and",
        "of geos ask no cookie: their rows are the same in every world, number for number. The holdout by cookie is right",
        "where a cookie is a person; the more devices and the shorter the lives of cookies, the less of the effect it sees",
        "and the surer it is. The geo test holds without knowing anybody; it compares forty markets instead of thousands of",
        "people, and is wide.",
        "",
        "| devices and cookies | design | truth | bias | of the truth | coverage | width |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for fragments, found in thrice.items():
        lines += [f"| {fragments} {line[line.index('|', 1) :]}" for line in table_of(found, HELD_OUT)[2:]]
    lines += [
        "",
        "The truths differ a little, since half of the geos are not half of the people. The most fragmented world:",
        "",
        "```console",
    ]
    for share in dict.fromkeys(HELD_OUT.values()):
        designs = ",".join(design for design, own in HELD_OUT.items() if own == share)
        sets = [f"--set '{word}'" for word in words_for(BROKEN, share)]
        rows = [" ".join(sets[i : i + 2]) for i in range(0, len(sets), 2)]
        head = f"$ cpalab lifttests dtc-geos --channels {TESTED} --designs {designs} --repeats {MANY}"
        run = f"--users {PEOPLE} --days {DAYS} --seed {SEED}"
        lines += [" \\\n    ".join([head, run, *rows])]
    return [*lines, "```"]


def as_document(sound: SideBySide, lessons: dict[str, SideBySide], thrice: dict[str, SideBySide]) -> str:
    """docs/lift-lessons.md: what the study found."""
    lines = [
        "# What lift tests find, beside the truth",
        "",
        "`dtc-apparel` made busy (two weeks, many orders), half of the people held out. Sound designs: "
        f"{MOST} seeds of",
        f"{SOUND_USERS:,} people; each mistake: {MANY} seeds of {LESSON_USERS:,}. Truth: mean incremental orders by twin",
        "worlds. Bias: mean of estimate minus truth, ± its standard error. Coverage: of 95 % intervals. Width: of those",
        "intervals, in orders. Written by `make study`; for a market of your own: `cpalab lifttests SCENARIO --repeats N`.",
        "",
        "## Sound designs",
        "",
        f"Each is within {BAND} standard errors of the truth. The holdout by log-in speaks of the people who log in, and is",
        "corrected for the ads they see logged out. The adjusted holdout begins on day 5, with the days before as its",
        "pre-period: its effect is that of the days left.",
        "",
        *table_of(sound, SOUND),
        "",
        "Share of the 95 % sets of the cost per incremental conversion that hold the true one, over the three channels:",
        "; ".join(f"{design} {price_coverage(sound, design)[0]:.1%}" for design in SOUND) + ".",
    ]
    for name, found in lessons.items():
        lesson = LESSONS[name]
        lines += ["", f"## {lesson.title}", "", lesson.text, "", *table_of(found, (lesson.mistake, lesson.sound))]
    lines += thrice_section(thrice)
    return "\n".join(lines) + "\n"


@pytest.mark.study
def test_lift_tests_beside_the_truth(tested_shop) -> None:
    """Every sound design is unbiased and covers as it says; every mistake is outside of its band. Writes the document."""
    sound = over_seeds(tested_shop, SOUND, CHANNELS, MOST, {"run.users": SOUND_USERS})
    lessons = {
        name: over_seeds(tested_shop, (lesson.mistake, lesson.sound), (lesson.channel,), MANY, lesson.changes)
        for name, lesson in LESSONS.items()
    }
    thrice = {fragments: same_channel_thrice(fragments, MANY) for fragments in FRAGMENTATION}
    text = as_document(sound, lessons, thrice)
    sys.stdout.write(text)
    DOCUMENT.write_text(text, encoding="utf-8")
    table = sound.over_seeds()
    for row in table.itertuples():
        assert abs(z_of(sound, row.channel, row.design)) < BAND, (row.channel, row.design)
        assert abs(row.coverage - LEVEL) < BAND * math.sqrt(LEVEL * (1 - LEVEL) / MOST), (row.channel, row.design)
    for design, own in table.groupby("design"):
        # Binomial band; the three channels of a design are tested in the same worlds but on independent holdouts.
        assert abs(own["coverage"].mean() - LEVEL) < BAND * math.sqrt(LEVEL * (1 - LEVEL) / (3 * MOST)), design
    check_prices(sound, MOST)
    for channel in CHANNELS:
        bias, error = effects_per_exposed(sound, channel)
        assert abs(bias) < BAND * error, (channel, bias, error)
    for name, found in lessons.items():
        check_lesson(name, found)
    for fragments, found in thrice.items():
        check_fragmentation(fragments, found)
        for design in ("user_holdout", "go_dark_did"):
            assert row_of(found, TESTED, design).equals(row_of(thrice[USUAL], TESTED, design)), "they ask no cookie"
