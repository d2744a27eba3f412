"""`cpalab lifttests` as a user meets it."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from experiments.cli.lifttests import command as lifttests
from experiments.lift.designs.registry import USER_DESIGNS
from experiments.lift.refusal import LiftInputError
from simulator.scenario.problems import ScenarioError

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
    found = json.loads(run(*PAIR, "--repeats", "2", "--seed", "7", "--json").output)
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
    found = json.loads(run("--json", "--days", "5").output)
    assert {r["design"] for r in found["readings"]} >= set(USER_DESIGNS)
    assert len({r["channel"] for r in found["readings"]}) == 8


def test_files_are_written_whole(tmp_path):
    out = tmp_path / "tests"
    result = run(*PAIR, "--out", str(out), "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["designs.csv", "manifest.json", "readings.csv"]
    assert len(pd.read_csv(out / "readings.csv")) == 4
    assert len(pd.read_csv(out / "designs.csv")) == 4


def test_what_cannot_be_is_refused_before_anything_runs():
    with pytest.raises(LiftInputError, match="design: 'ghosts' is no design; did you mean ghost_ads"):
        run("--designs", "ghosts")
    with pytest.raises(ScenarioError, match="channels: 'vidoe' is no channel of this scenario; did you mean video"):
        run("--channels", "vidoe")


def test_a_test_without_a_reading_says_why():
    result = run("--designs", "user_holdout", "--channels", "video", "--set", "channels.video.holdout.share=1.0")
    assert result.exit_code == 0
    assert "No reading: " in result.output
    assert "treated.users: 0 must be at least 1" in result.output
