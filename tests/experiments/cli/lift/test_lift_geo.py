"""`cpalab lift geo` and `lift switchback`: tables of regions and days, from the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.panel import geo_experiment, geo_panel

PUBLIC = Path(__file__).parents[5] / "shared" / "reference" / "lift" / "tbr_gbr_salesandcost"


def sales(name):
    """A public table of Google's sales-and-cost example; it belongs to others and lies outside of the repository."""
    if not PUBLIC.is_dir():
        pytest.skip("the public sales-and-cost tables are not here: ../shared/reference does not exist")
    return PUBLIC / name


def treated_geos():
    groups = pd.read_csv(sales("geoassignment.csv"), dtype={"geo": str})
    return ",".join(groups["geo"][groups["geo.group"] == 2])


def test_the_published_geo_test(cpalab):
    arguments = ("--treated", treated_geos(), "--start", "2015-02-16", "--end", "2015-03-15")
    options = ("--missing-rows", "zero", "--outcome", "value", "--json", "--level", "0.95")
    status, out, _ = cpalab(
        "lift", "geo", sales("salesandcost.csv"), *arguments, *options, "--method", "tbr", "--inference", "independent"
    )
    row = json.loads(out)["rows"][0]
    assert status == 0
    assert row["incremental_return_on_ad_spend"] == pytest.approx(2.94674243369)
    assert row["incremental_return_on_ad_spend_lower"] == pytest.approx(2.759772197081)
    for method in ("gbr", "did", "synthetic_control", "augmented_synthetic_control", "structural"):
        out = cpalab("lift", "geo", sales("salesandcost.csv"), *arguments, *options, "--method", method)[1]
        row = json.loads(out)["rows"][0]
        assert 2 < row["incremental_return_on_ad_spend"] < 4
        assert row["p_value"] < 0.5


def test_the_daily_series_is_written_whole(cpalab, tmp_path):
    series = tmp_path / "series.csv"
    arguments = ("--treated", treated_geos(), "--start", "2015-02-16", "--end", "2015-03-15")
    cpalab("lift", "geo", sales("salesandcost.csv"), *arguments, "--missing-rows", "zero", "--series", series)
    written = pd.read_csv(series)
    panel = geo_panel(pd.read_csv(sales("salesandcost.csv"), dtype={"geo": str}), missing_rows="zero")
    experiment = geo_experiment(panel, treated_geos().split(","), "2015-02-16", "2015-03-15")
    np.testing.assert_allclose(written["effect"], difference_in_differences(experiment).series["effect"])
    assert list(tmp_path.iterdir()) == [series]


def test_a_series_that_cannot_be_written_is_refused_in_words(cpalab):
    arguments = ("--treated", treated_geos(), "--start", "2015-02-16", "--end", "2015-03-15")
    # Nothing can be created there, whoever asks.
    status, _, err = cpalab(
        "lift", "geo", sales("salesandcost.csv"), *arguments, "--missing-rows", "zero", "--series", "/proc/series.csv"
    )
    assert status == 2
    assert "--series: /proc/series.csv cannot be written" in err
    assert "Traceback" not in err


def test_trimmed_match_takes_its_pairs_from_a_table(cpalab, tmp_path):
    table = pd.read_csv(sales("salesandcost.csv"), dtype={"geo": str})
    groups = pd.read_csv(sales("geoassignment.csv"), dtype={"geo": str}).set_index("geo")["geo.group"]
    size = table.groupby("geo")["sales"].sum().sort_values(ascending=False)
    pair = {geo: k + 1 for group in (1, 2) for k, geo in enumerate(geo for geo in size.index if groups[geo] == group)}
    pairs = tmp_path / "pairs.csv"
    pd.DataFrame({"geo": list(pair), "pair": list(pair.values())}).to_csv(pairs, index=False)
    common = (
        "lift", "geo", sales("salesandcost.csv"), "--treated", treated_geos(), "--start", "2015-02-16",
        "--end", "2015-03-15", "--missing-rows", "zero", "--outcome", "value", "--method", "trimmed_match",
    )  # fmt: skip
    row = json.loads(cpalab(*common, "--pairs", pairs, "--json")[1])["rows"][0]
    assert 2.5 < row["incremental_return_on_ad_spend"] < 3.5
    assert "needs it" in cpalab(*common)[2]
    pd.DataFrame({"geo": ["1", "2", "3"], "pair": [1, 1, 1]}).to_csv(pairs, index=False)
    assert "two geos each" in cpalab(*common, "--pairs", pairs)[2]
    pd.DataFrame({"market": ["1"], "pair": [1]}).to_csv(pairs, index=False)
    assert "column geo is required" in cpalab(*common, "--pairs", pairs)[2]


def test_switchback(cpalab, tmp_path):
    rng = np.random.default_rng(2)
    on = np.tile([True, False], 8).repeat(7)
    table = pd.DataFrame(
        {
            "date": pd.date_range("2026-01-01", periods=on.size),
            "response": 100 + 15 * on + rng.normal(0, 3, on.size),
            "state": np.where(on, "on", "off"),
            "cost": np.where(on, 30.0, 0.0),
        }
    )
    table.to_csv(tmp_path / "days.csv", index=False)
    row = json.loads(cpalab("lift", "switchback", tmp_path / "days.csv", "--block-days", 7, "--json")[1])["rows"][0]
    assert row["cost_per_incremental_conversion"] == pytest.approx(2.0, rel=0.15)


def test_a_misspelt_cost_of_regions_is_refused(cpalab, tmp_path):
    days, file = pd.date_range("2026-01-01", periods=40).strftime("%Y-%m-%d"), tmp_path / "geo.csv"
    rows = [(day, geo, 10 + n % 7, 0.0) for geo in ("a", "b", "c") for n, day in enumerate(days)]
    pd.DataFrame(rows, columns=["date", "geo", "response", "Spend"]).to_csv(file, index=False)
    status, _, err = cpalab("lift", "geo", file, "--treated", "a", "--start", "2026-02-01", "--end", "2026-02-09")
    assert status == 2
    assert "Spend: column is none that is read here; did you mean cost?" in err


@pytest.fixture
def geos(tmp_path):
    """Eight geos with names that are easily misread; ads lift two of them by a tenth."""
    rng = np.random.default_rng(5)
    names = ["New York, NY", "New York", "NA", "00", "01", "1", "1e310", "Rome"]
    season = 1 + 0.1 * np.sin(2 * np.pi * np.arange(60) / 7)
    response = np.arange(100, 900, 100)[:, None] * season * (1 + 0.02 * rng.normal(size=(8, 60)))
    response[:2, 46:] *= 1.1
    table = pd.DataFrame(
        {
            "geo": np.repeat(names, 60),
            "date": np.tile(pd.date_range("2026-01-01", periods=60).strftime("%Y-%m-%d"), 8),
            "response": response.ravel(),
        }
    )
    file = tmp_path / "geos.csv"
    table.to_csv(file, index=False)
    return file


@pytest.mark.parametrize(
    "treated",
    [
        ("--treated", "New York, NY", "--treated", "NA"),
        ("--treated", '"New York, NY",NA'),
        ("--treated", 'NA, "New York, NY"'),
    ],
)
def test_geos_with_commas_in_their_names_can_be_named(cpalab, geos, treated):
    options = ("--start", "2026-02-16", "--end", "2026-03-01", "--json")
    status, out, err = cpalab("lift", "geo", geos, *treated, *options)
    assert status == 0, err
    assert json.loads(out)["rows"][0]["treated_geos"] == 2
    status, out, err = cpalab("power", "geo", geos, *treated, "--test-days", 7, "--windows", 3, "--json")
    assert status == 0, err
    assert json.loads(out)["treated"] in (["New York, NY", "NA"], ["NA", "New York, NY"])
    assert "NY must be a geo of the table" in cpalab("lift", "geo", geos, "--treated", "Rome,NY", *options)[2]


def test_names_of_geos_are_text_as_it_is_written(cpalab, geos):
    options = ("--start", "2026-02-16", "--end", "2026-03-01", "--json")
    row = json.loads(cpalab("lift", "geo", geos, "--treated", "00,01,1,1e310,NA", *options)[1])["rows"][0]
    assert (row["treated_geos"], row["control_geos"]) == (5, 3)


def test_filled_cells_are_said_when_read_and_when_planned(cpalab, geos):
    table = pd.read_csv(geos, dtype=str, keep_default_na=False)
    table.drop(index=[3, 70]).to_csv(geos, index=False)
    zero = ("--treated", "Rome", "--missing-rows", "zero")
    for command in (
        ("lift", "geo", geos, *zero, "--start", "2026-02-16", "--end", "2026-03-01"),
        ("power", "geo", geos, *zero, "--test-days", 7, "--windows", 3),
    ):
        out = " ".join(cpalab(*command)[1].split())
        assert "2 pairs of geo and date had no row in the table and count as zero." in out


def test_pairs_without_a_name_are_refused(cpalab, geos, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("geo,pair\nRome,1\nNA,1\n01,\n")
    options = ("--start", "2026-02-16", "--end", "2026-03-01", "--method", "trimmed_match", "--pairs", pairs)
    assert "1 rows without geo or pair" in cpalab("lift", "geo", geos, "--treated", "Rome", *options)[2]


@pytest.fixture
def geo_file(tmp_path):
    """Twelve geos on 80 days; g0 to g2 and, with another treatment, g3 to g5 sell 20 % more from 2026-03-02 on."""
    rng = np.random.default_rng(5)
    days = pd.date_range("2026-01-01", periods=80).strftime("%Y-%m-%d")
    response = np.exp(rng.normal(5, 0.4, 12))[:, None] * (1 + 0.03 * rng.normal(size=(12, 80)))
    cost = np.zeros((12, 80))
    response[:6, 60:] *= 1.2
    cost[:6, 60:] = 50.0
    rows = [(f"g{k}", day, response[k, t], cost[k, t]) for k in range(12) for t, day in enumerate(days)]
    file = tmp_path / "geo.csv"
    pd.DataFrame(rows, columns=["geo", "date", "response", "cost"]).to_csv(file, index=False)
    return file


TEST_DATES = ("--start", "2026-03-02", "--end", "2026-03-21")


def test_the_default_says_what_it_took_and_shows_its_fit(cpalab, geo_file):
    status, out, _ = cpalab("lift", "geo", geo_file, "--treated", "g0,g1,g2", *TEST_DATES, "--exclude", "g3,g4,g5")
    said = " ".join(out.split())
    assert status == 0
    assert "Read by synthetic control, because 3 of 9 geos are treated" in said
    for label in (
        "correlation before",
        "placebo lift before",
        "scaled l2 imbalance",
        "control weights",
        "standard error",
    ):
        assert label in said


def test_contaminated_controls_are_named_and_can_be_kept(cpalab, geo_file):
    words = ("lift", "geo", geo_file, "--treated", "g0,g1,g2", *TEST_DATES)
    assert "--exclude g3,g4,g5" in " ".join(cpalab(*words)[1].split())
    assert "--exclude g3,g4,g5" not in " ".join(cpalab(*words, "--force-control", "g3,g4,g5")[1].split())


def test_cells_are_read_together(cpalab, geo_file, tmp_path):
    words = ("lift", "geo", geo_file, "--cell", "a=g0,g1,g2", "--cell", "b=g3,g4,g5", *TEST_DATES)
    found = json.loads(cpalab(*words, "--json", "--weights", tmp_path / "weights.csv")[1])
    assert [row["cell"] for row in found["rows"]] == ["a", "a", "b", "b"]
    assert len(found["pairs"]) == 2
    assert set(pd.read_csv(tmp_path / "weights.csv")["geo"]) == {f"g{k}" for k in range(6, 12)}
    for options, problem in (
        (("--treated", "g0"), "--treated, --cell: one of both"),
        (("--cell", "a=g1"), "must be named once"),
        (("--cell", "c"), "must be a name and its geos"),
    ):
        assert problem in cpalab(*words, *options)[2]


def test_synthetic_controls_take_their_options(cpalab, geo_file):
    words = ("lift", "geo", geo_file, "--treated", "g0,g1,g2", *TEST_DATES, "--exclude", "g3,g4,g5", "--json")
    free = json.loads(cpalab(*words, "--method", "augmented_synthetic_control", "--scaling", "additive",
                             "--no-intercept", "--penalty", 0)[1])["rows"][0]  # fmt: skip
    assert free["method"] == "augmented_synthetic_control"
    assert "--no-intercept: must not be given with tbr" in cpalab(*words, "--method", "tbr", "--no-intercept")[2]
    assert json.loads(cpalab(*words, "--method", "synthetic_did")[1])["rows"][0]["inference"] == "placebo"


WALKTHROUGH = Path(__file__).parents[5] / "shared" / "data" / "panels" / "geolift_test_data.csv"


def test_geolifts_walkthrough_from_the_command_line(cpalab):
    # Published: an average of 155.556 and a total of 4,667 incremental conversions, scaled L2 imbalance .1636.
    if not WALKTHROUGH.exists():
        pytest.skip("the public panel geolift_test_data.csv is not here")
    row = json.loads(
        cpalab("lift", "geo", WALKTHROUGH, "--treated", "chicago,portland", "--start", "2021-04-01", "--end", "2021-04-15",
               "--method", "synthetic_control", "--scaling", "additive", "--json")[1]
    )["rows"][0]  # fmt: skip
    assert row["incremental_conversions"] == pytest.approx(4_666.67, abs=0.05)
    assert row["incremental_conversions"] / 30 == pytest.approx(155.556, abs=0.001)
    assert row["scaled_l2_imbalance"] == pytest.approx(0.1636, abs=1e-4)


def test_one_sided_readings_of_geos(cpalab):
    geo = ("lift", "geo", sales("salesandcost.csv"), "--treated", treated_geos(), "--start", "2015-02-16", "--end",
           "2015-03-15", "--missing-rows", "zero", "--alternative", "greater")  # fmt: skip
    assert "or more" in cpalab(*geo, "--method", "did")[1]
    assert (
        "--alternative: greater must be two-sided here"
        in cpalab(*geo, "--method", "tbr", "--inference", "block_conformal")[2]
    )
