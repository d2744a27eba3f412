"""`cpalab lifttests` as a user meets it."""

import io
import json

import pandas as pd
import pytest
from click.testing import CliRunner
from rich.console import Console

from cpalab.refusal import LiftInputError, ScenarioError
from experiments.cli.lift.lifttests import command as lifttests
from experiments.cli.lift.lifttests import fitted, readings_table, seeds_table
from experiments.designs.design import DesignReading
from experiments.designs.registry import DESIGNS, USER_DESIGNS
from experiments.designs.side_by_side import DesignResult, SideBySide
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution
from experiments.truth.effects import Effect

FEW = ["dtc-apparel", "--users", "5000", "--threads", "1"]
PAIR = ["--designs", "ghost_ads,exposed_vs_unexposed", "--channels", "video,email"]


def run(*words):
    return CliRunner().invoke(lifttests, [*FEW, *words], catch_exceptions=False)


def test_one_world_gives_a_table_with_the_truth_and_says_which_intervals_miss_it():
    result = run(*PAIR)
    assert result.exit_code == 0
    assert "lift tests of 5,000 people, 30 days, money in USD" in result.output
    for word in ("Video", "Email", "ghost_ads", "exposed_vs_unexposed", "truth", "width"):
        assert word in result.output
    assert "intervals" in result.output.splitlines()[-1]
    assert "the truth" in result.output.splitlines()[-1]


def test_json_holds_every_reading_and_what_they_are_worth():
    found = json.loads(run(*PAIR, "--repeats", "2", "--seed", "7", "--json").stdout)
    assert [(r["seed"], r["design"], r["channel"]) for r in found["readings"]] == [
        (seed, design, channel)
        for seed in (7, 8)
        for design in ("ghost_ads", "exposed_vs_unexposed")
        for channel in ("video", "email")
    ]
    first, second = (r for r in found["readings"] if (r["design"], r["channel"]) == ("ghost_ads", "video"))
    row = next(r for r in found["designs"] if (r["design"], r["channel"]) == ("ghost_ads", "video"))
    errors = [r["incremental_conversions"] - r["true_incremental_conversions"] for r in (first, second)]
    assert row["bias"] == pytest.approx(sum(errors) / 2)
    assert row["bias_standard_error"] == pytest.approx(abs(errors[0] - errors[1]) / 2)
    covered = [
        r["incremental_conversions_lower"] <= r["true_incremental_conversions"] <= r["incremental_conversions_upper"]
        for r in (first, second)
    ]
    assert row["coverage"] == sum(covered) / 2


def test_repeats_print_bias_coverage_width_and_cost():
    result = run(*PAIR, "--repeats", "2")
    assert ", 2 seeds" in result.output
    assert all(word in result.output for word in ("bias", "coverage", "width", "forgone", "±"))


def test_by_default_every_design_that_fits_and_every_paid_channel():
    found = json.loads(run("--json", "--days", "5").stdout)
    assert {r["design"] for r in found["readings"]} >= set(USER_DESIGNS)
    assert len({r["channel"] for r in found["readings"]}) == 8


def test_files_are_written_whole(tmp_path):
    out = tmp_path / "tests"
    result = run(*PAIR, "--out", str(out), "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [
        "designs.csv",
        "designs.html",
        "manifest.json",
        "readings.csv",
    ]
    assert len(pd.read_csv(out / "readings.csv")) == 4
    assert len(pd.read_csv(out / "designs.csv")) == 4


def test_what_cannot_be_is_refused_before_anything_runs():
    with pytest.raises(LiftInputError, match="design: 'ghosts' is unknown; did you mean ghost_ads"):
        run("--designs", "ghosts")
    with pytest.raises(ScenarioError, match="channels: 'vidoe' is no channel of this scenario; did you mean video"):
        run("--channels", "vidoe")


def test_a_test_without_a_reading_says_why():
    result = run("--designs", "user_holdout", "--channels", "video", "--set", "channels.video.holdout.share=1.0")
    assert result.exit_code == 0
    assert "No reading: " in result.output
    assert "treated.users: 0 must be at least 1" in result.output


def side_by_side(channels, designs, estimates, truth=40, level_se=30.0):
    """What readings with these estimates, one per seed, come to."""
    results = []
    for seed, estimate in enumerate(estimates):
        for channel in channels:
            for design in designs:
                lift = LiftEstimate(StudentDistribution(estimate, level_se, baseline=100.0))
                reading = DesignReading(
                    design, channel, lift, cost_per_incremental_conversion(lift, 1234.5), conversions_forgone=-0.01
                )
                effect = Effect(channel, "average", 1_234_500_000, truth, 0, None)
                results.append(DesignResult(seed, design, channel, reading, effect))
    return SideBySide("Market", "USD", tuple(results))


def drawn(table, width):
    text = io.StringIO()
    Console(file=text, width=width).print(fitted(table, width))
    return text.getvalue()


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("draw", [readings_table, seeds_table])
@pytest.mark.parametrize("estimates", [(-12_345.6, 7_890.1, 0.0), (30.0, 50.0)])
def test_no_design_and_no_number_is_cut_on_a_narrow_screen(draw, width, estimates):
    found = side_by_side(["retargeting"], list(DESIGNS), estimates)
    text = drawn(draw(found, "title"), width)
    for design in DESIGNS:
        assert f" {design} " in text
    assert "…" not in text
    # Every word of a cell is whole: the last heading and the numbers of all columns.
    assert {"test", "cost", "forgone", "width", "40.0" if draw is seeds_table else "40"} <= set(text.split())
    assert max(map(len, text.splitlines())) <= width
    assert "-0.0" not in text


def test_coverage_of_few_seeds_is_no_certainty():
    found = side_by_side(["video"], ["ghost_ads"], [30.0, 50.0])
    row = found.over_seeds().to_dict("records")[0]
    # Wilson's limits for 2 of 2: n / (n + z²) … 1.
    assert (row["covered"], row["coverage"], row["coverage_upper"]) == (2, 1.0, pytest.approx(1.0))
    assert row["coverage_lower"] == pytest.approx(2 / (2 + 1.959964**2))
    text = drawn(seeds_table(found, "title"), 140)
    assert "2 of 2 (34–100%)" in text
    assert "100% ± 0%" not in text


def test_the_bias_of_a_single_seed_has_no_standard_error():
    text = drawn(seeds_table(side_by_side(["video"], ["ghost_ads"], [30.0]), "title"), 140)
    assert "-10.0" in text
    assert "nan" not in text
    assert "±" not in text


def test_a_bias_is_no_percentage_of_a_truth_of_next_to_nothing():
    text = drawn(seeds_table(side_by_side(["video"], ["ghost_ads"], [30.0, 50.0], truth=1), "title"), 140)
    assert "3900%" not in text


def test_the_share_that_is_held_out_is_told():
    words = ("--designs", "ghost_ads", "--channels", "video,email", "--days", "5")
    assert "Tests of people hold out a share of 0.1 of them." in " ".join(run(*words).output.split())
    zero = " ".join(run(*words, "--set", "channels.video.holdout.share=0").output.split())
    assert "The scenario gives Video no holdout (share 0): the default share of 0.1 was tested instead." in zero
    more = " ".join(run(*words, "--set", "channels.video.holdout.share=0.3").output.split())
    assert "hold out a share of 0.1 of them (Email); 0.3 of them (Video)." in more


def test_the_help_names_the_designs():
    said = " ".join(CliRunner().invoke(lifttests, ["--help"]).output.split())
    for design in DESIGNS:
        assert design in said
