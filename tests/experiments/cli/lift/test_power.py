"""`cpalab power`: plans in numbers and words."""

import json

import numpy as np
import pandas as pd
import pytest

from experiments.lift.user.plan import UserTestDesign


@pytest.fixture
def cpalab(cpalab_here):
    return lambda *words: cpalab_here("power", *words)


@pytest.fixture
def past(tmp_path):
    """120 days of 12 geos without a test, as CSV."""
    rng = np.random.default_rng(1)
    common = 1 + 0.1 * np.sin(np.arange(120) / 3)
    response = np.exp(rng.normal(5, 0.4, 12))[:, None] * common * (1 + 0.05 * rng.normal(size=(12, 120)))
    table = pd.DataFrame(
        {
            "location": np.repeat([f"g{k}" for k in range(12)], 120),
            "date": np.tile(pd.date_range("2026-01-01", periods=120).astype(str), 12),
            "Y": response.ravel(),
        }
    )
    file = tmp_path / "past.csv"
    table.to_csv(file, index=False)
    return file


def test_users_for_a_lift(cpalab):
    out = cpalab("user", "--baseline-rate", 0.02, "--lift", 0.1, "--cost-per-user", 0.05, "--json")[1]
    plan = json.loads(out)["plan"]
    assert plan["users"] == UserTestDesign(0.02).required_users(0.1)
    assert plan["cost_per_incremental_conversion"] == pytest.approx(25.0)
    assert plan["days"] is None


def test_a_lift_for_users(cpalab):
    status, out, _ = cpalab("user", "--baseline-rate", 0.02, "--users", 100_000, "--looks", 3)
    assert status == 0
    for words in ("minimum detectable lift", "critical value", "The holdout forgoes", "exaggeration"):
        assert words in out


def test_bad_plans_are_refused_in_words(cpalab):
    status, out, err = cpalab("user", "--baseline-rate", 2, "--lift", 0.1, "--treated-share", 1.5)
    assert (status, out) == (2, "")
    assert "write 0.02 for 2 %" in err
    assert "write 0.9 for a 10 % holdout" in err
    status, _, err = cpalab("user", "--baseline-rate", 0.02)
    assert status == 2
    assert "at least one must be given" in err


def test_a_geo_test_tried_on_the_past(cpalab, past):
    out = cpalab("geo", past, "--treated", "g0,g3,g5", "--test-days", 14, "--windows", 10, "--json")[1]
    answer = json.loads(out)
    powers = [row["power"] for row in answer["power_curve"]]
    assert answer["treated"] == ["g0", "g3", "g5"]
    assert answer["power_curve"][0]["relative_lift"] == 0.0
    assert powers[-1] >= powers[1]
    assert (answer["windows"], answer["independent_windows"]) == (10, 4)
    assert answer["minimum_detectable_lift"] == next(
        row["relative_lift"] for row in answer["power_curve"] if row["relative_lift"] and row["power"] >= 0.8
    )
    priced = cpalab("geo", past, "--treated", "g0,g3,g5", "--test-days", 14, "--windows", 10, "--cost", 900)[1]
    assert "At 900.00, ads that cost more than" in " ".join(priced.split())


def test_where_intervals_raise_false_alarms_no_detectable_lift_is_stated(cpalab, past, tmp_path):
    table = pd.read_csv(past)
    # What shall be treated sells half as much again in every other stretch of 15 days, without any test.
    restless = table["location"].isin(["g0", "g3", "g5"]) & (np.tile(np.arange(120), 12) // 15 % 2 == 1)
    table.loc[restless, "Y"] *= 1.5
    table.to_csv(tmp_path / "restless.csv", index=False)
    words = (
        "geo",
        tmp_path / "restless.csv",
        "--treated",
        "g0,g3,g5",
        "--test-days",
        14,
        "--method",
        "did",
        "--cost",
        9,
    )
    answer = json.loads(cpalab(*words, "--json")[1])
    assert answer["minimum_detectable_lift"] is None
    assert answer["false_alarm_rate"] > answer["most_false_alarms"]
    assert "no detectable lift can be stated" in answer["summary"]
    assert "Without a detectable lift, no price can be stated either" in answer["summary"]


def test_a_past_with_spending_plans_as_one_without(cpalab, past, tmp_path):
    pd.read_csv(past).assign(cost=-1.0).to_csv(tmp_path / "spent.csv", index=False)
    words = ("--treated", "g0,g3,g5", "--test-days", 14, "--windows", 4, "--json")
    assert cpalab("geo", tmp_path / "spent.csv", *words) == cpalab("geo", past, *words)


def test_markets_are_chosen_and_judged_on_days_held_out(cpalab, past):
    status, out, _ = cpalab("geo", past, "--candidates", 5, "--test-days", 10, "--windows", 8, "--method", "did")
    assert status == 0
    assert "best of 5 candidates" in " ".join(out.split())
    assert "On days held out" in " ".join(out.split())
    assert out == cpalab("geo", past, "--candidates", 5, "--test-days", 10, "--windows", 8, "--method", "did")[1]


def test_bad_geo_plans_are_refused_in_words(cpalab, past):
    for arguments, words in (
        (("--test-days", 10), "one of them must be given"),
        (("--test-days", 10, "--treated", "g99"), "g99 must be a geo of the table"),
        (("--test-days", 100, "--treated", "g0"), "bring more of the past"),
        (("--test-days", 10, "--candidates", 0), "at least 1"),
        (("--test-days", 10, "--treated", "g0", "--cost", -5), "must be positive"),
    ):
        status, _, err = cpalab("geo", past, *arguments)
        assert status == 2
        assert words in err


def test_a_plan_by_matched_pairs_can_be_written_and_read_by_trimmed_match(cpalab, cpalab_here, past, tmp_path):
    words = ("geo", past, "--candidates", 3, "--assignment", "matched_pairs", "--method", "trimmed_match",
             "--test-days", 14, "--windows", 5, "--plan", tmp_path / "plan.csv", "--json")  # fmt: skip
    status, out, _ = cpalab(*words)
    plan = pd.read_csv(tmp_path / "plan.csv")
    assert status == 0
    assert plan.groupby("pair")["arm"].apply(sorted).tolist() == [["control", "treated"]] * 6
    treated = sorted(plan.loc[plan["arm"] == "treated", "geo"])
    assert treated == sorted(json.loads(out)["treated"])
    status, out, _ = cpalab_here(
        "lift", "geo", past, "--treated", ",".join(treated), "--start", "2026-04-10", "--end", "2026-04-23",
        "--method", "trimmed_match", "--pairs", tmp_path / "plan.csv",
    )  # fmt: skip
    assert (status, "trimmed_match" in out) == (0, True)


def test_other_lengths_of_a_regression_are_told_by_formula(cpalab, past):
    words = ("geo", past, "--treated", "g0,g3,g5", "--test-days", 14, "--windows", 4, "--method", "tbr")
    lengths = pd.DataFrame(json.loads(cpalab(*words, "--json")[1])["lengths"])
    assert lengths["minimum_detectable_lift"].is_monotonic_decreasing
    assert "Other lengths, by formula" in cpalab(*words)[1]
    assert "lengths" not in json.loads(cpalab(*words[:-1], "did", "--json")[1])


def test_divisions_that_fit_nothing_are_refused_together(cpalab, past):
    status, _, err = cpalab(
        "geo", past, "--treated", "g0", "--test-days", 14, "--method", "trimmed_match", "--treated-share", 0.3,
        "--plan", "nowhere/plan.csv",
    )  # fmt: skip
    assert status == 2
    for words in ("--treated-share: must not be given", "trimmed_match needs --candidates", "--plan: nowhere must be"):
        assert words in err


def test_a_switchback_is_tried_on_the_past(cpalab, tmp_path):
    days = pd.DataFrame({"date": pd.date_range("2026-01-01", periods=90).astype(str)})
    days.assign(response=100 + np.arange(90) % 7).to_csv(tmp_path / "days.csv", index=False)
    words = ("switchback", tmp_path / "days.csv", "--block-days", 7, "--blocks", 8, "--schedules", 20)
    answer = json.loads(cpalab(*words, "--json")[1])
    assert answer["windows"] == 20
    assert "random schedules" in cpalab(*words)[1]
    assert "--blocks: 7 must be even" in cpalab(*words[:-4], "--blocks", 7)[2]


SMALL = ("dtc-geos", "--users", 3_000, "--days", 24, "--set", "population.need_per_day.mean=0.2")


def test_a_design_is_tried_in_worlds_of_a_scenario(cpalab):
    words = ("scenario", *SMALL, "--channel", "video", "--design", "go_dark_did", "--repeats", 2)
    out = json.loads(cpalab(*words, "--json")[1])
    assert len(out["replicates"]) == 2
    assert [row["power"] for row in out["power_curve"]] == sorted(row["power"] for row in out["power_curve"])
    status, text, _ = cpalab(*words, "--threads", 1)
    assert status == 0
    assert out["summary"] in " ".join(text.split())


def test_markets_are_chosen_in_worlds_of_a_scenario(cpalab):
    words = ("markets", *SMALL, "--candidates", 3, "--repeats", 4, "--test-days", 8, "--method", "did", "--lift", 0.5)
    out = json.loads(cpalab(*words, "--json")[1])
    assert len(out["treated"]) == 20
    assert [row["relative_lift"] for row in out["power_curve"]] == [0.0, 0.5]
    assert "best of 3 candidates" in out["summary"]
    assert "2 simulated worlds" in out["summary"]
    assert "The simulated worlds are independent" in out["summary"]
    assert out["minimum_detectable_lift"] in (0.5, None)
    assert "inf" not in out["summary"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("scenario", "dtc-geos", "--channel", "vidoe"), "did you mean video?"),
        (("scenario", "dtc-geos", "--channel", "video", "--design", "go_dark"), "did you mean go_dark_tbr?"),
        (("scenario", "dtc-geos", "--channel", "video", "--repeats", 0), "repeats: 0 must be at least 1"),
        (
            ("scenario", "dtc-apparel", "--channel", "video", "--design", "go_dark_tbr"),
            "population.geos: 3 must be at least 4 for go_dark_tbr",
        ),
        (("markets", "dtc-apparel"), "population.geos: 3 must be at least 4"),
        (("markets", "dtc-geos", "--repeats", 1), "--repeats: 1 must be at least 2"),
    ],
)
def test_what_cannot_be_simulated_is_refused_before_any_work(cpalab, words, message):
    status, out, err = cpalab(*words)
    assert (status, out) == (2, "")
    assert message in err


def test_a_channel_that_is_none_is_refused_by_its_option(cpalab):
    status, _, err = cpalab("scenario", "dtc-apparel", "--channel", "vidoe")
    assert status == 2
    assert "--channel: vidoe is no channel with campaigns; did you mean video?" in err


def test_geos_and_dates_are_left_out_of_a_plan(cpalab, past):
    words = ("geo", past, "--test-days", 14, "--windows", 4, "--json")
    drawn = json.loads(cpalab(*words, "--candidates", 5, "--force-control", "g0,g1", "--exclude", "g2")[1])
    assert not {"g0", "g1", "g2"} & set(drawn["treated"])
    assert "it stays the best in" in drawn["summary"]
    cells = json.loads(cpalab(*words, "--cell", "a=g0,g1", "--cell", "b=g2,g3")[1])["cells"]
    assert list(cells) == ["a", "b"]
    status, _, err = cpalab(*words, "--treated", "g0", "--force-control", "g0")
    assert status == 2
    assert "--force-control: g0 must not be treated too" in err


def test_lengths_in_days_are_whole_rows(cpalab, past, tmp_path):
    weekly = pd.read_csv(past)
    column = "date"
    weekly[column] = pd.to_datetime("2020-01-06") + pd.to_timedelta(
        7 * (pd.to_datetime(weekly[column]) - pd.to_datetime(weekly[column]).min()).dt.days, unit="D"
    )
    weekly.to_csv(tmp_path / "weekly.csv", index=False)
    words = ("geo", tmp_path / "weekly.csv", "--treated", "g0,g3,g5", "--windows", 4)
    assert cpalab(*words, "--test-days", 14)[0] == 0
    status, _, err = cpalab(*words, "--test-days", 10)
    assert status == 2
    assert "--test-days: 10 must be a whole number of rows; a row of this table is a week" in " ".join(err.split())


def test_a_budget_for_a_lift_is_money_and_no_share(cpalab):
    words = ("user", "--baseline-rate", 0.01, "--users", 100_000, "--budget", 5_000, "--cost-per-action", 20)
    line = next(line for line in cpalab(*words)[1].splitlines() if "budget for minimum detectable lift" in line)
    assert "1,841.44" in line
    assert "%" not in line
