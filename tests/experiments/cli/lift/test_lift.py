"""`cpalab lift`: tables in, a table and a sentence out, and never a traceback for a user's mistake."""

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


@pytest.fixture
def cpalab(cpalab_here):
    return cpalab_here


@pytest.fixture
def users(tmp_path):
    """A user-level test with an effect, as CSV."""
    rng = np.random.default_rng(1)
    arm = np.repeat(["treated", "control"], [6_000, 4_000])
    conversions = (rng.random(10_000) < np.where(arm == "treated", 0.07, 0.05)).astype(int)
    table = pd.DataFrame(
        {
            "user_id": np.arange(10_000),
            "arm": arm,
            "exposed": (arm == "treated") & (rng.random(10_000) < 0.6),
            "conversions": conversions,
            "value": conversions * 20.0,
            "cost": np.where(arm == "treated", 0.05, 0.0),
        }
    )
    file = tmp_path / "users.csv"
    table.to_csv(file, index=False)
    return file


def treated_geos():
    groups = pd.read_csv(sales("geoassignment.csv"), dtype={"geo": str})
    return ",".join(groups["geo"][groups["geo.group"] == 2])


def test_a_user_table(cpalab, users):
    status, out, _ = cpalab("lift", "user", users)
    assert status == 0
    assert "incremental conversions" in out
    assert "95 % interval" in out
    assert "An incremental conversion cost" in out


def test_json_and_parquet_say_what_csv_says(cpalab, users, tmp_path):
    parquet = tmp_path / "users.parquet"
    pd.read_csv(users).to_parquet(parquet)
    first, second = (json.loads(cpalab("lift", "user", file, "--json")[1]) for file in (users, parquet))
    assert first == second
    row = first["rows"][1]
    assert row["level"] == 0.95
    for name in ("incremental_conversions", "relative_conversion_lift", "cost_per_incremental_conversion"):
        assert row[f"{name}_lower"] <= row[name] <= row[f"{name}_upper"]


def test_an_open_price_is_written_as_infinite(cpalab, users, tmp_path):
    table = pd.read_csv(users).assign(conversions=lambda t: (t["user_id"] % 20 == 0).astype(int))
    table.to_csv(tmp_path / "nothing.csv", index=False)
    row = json.loads(cpalab("lift", "user", tmp_path / "nothing.csv", "--json")[1])["rows"][0]
    assert row["cost_per_incremental_conversion_upper"] == "inf"
    assert row["significant"] is False
    assert "∞" in cpalab("lift", "user", tmp_path / "nothing.csv")[1]


def test_early_reading_is_wider(cpalab, users):
    def width(*options):
        row = json.loads(cpalab("lift", "user", users, "--json", "--level", "0.95", *options)[1])["rows"][0]
        return row["incremental_conversions_upper"] - row["incremental_conversions_lower"]

    assert width() < width("--look", 2, "--looks", 3) < width("--information", 0.5)
    out = cpalab("lift", "user", users, "--look", 2, "--looks", 3)[1]
    assert "Look 2 of 3" in out
    status, _, err = cpalab("lift", "user", users, "--look", 2)
    assert status == 2
    assert "both must be given" in err


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


def test_options_of_looks_need_looks(cpalab, users):
    status, _, err = cpalab("lift", "user", users, "--boundary", "pocock")
    assert status == 2
    assert "--boundary: pocock must not be given without --look and --looks" in err


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


def test_one_sided_readings(cpalab, users):
    def row(*options):
        return json.loads(cpalab("lift", "user", users, "--json", "--level", "0.95", *options)[1])["rows"][0]

    both, one = row(), row("--alternative", "greater")
    assert one["p_value"] == pytest.approx(both["p_value"] / 2)
    assert one["incremental_conversions_upper"] == "inf"
    assert one["incremental_value_upper"] == "inf"
    status, _, err = cpalab("lift", "user", users, "--alternative", "greater", "--look", 1, "--looks", 2)
    assert status == 2
    assert "--alternative: greater must be two-sided here" in err
    geo = ("lift", "geo", sales("salesandcost.csv"), "--treated", treated_geos(), "--start", "2015-02-16", "--end",
           "2015-03-15", "--missing-rows", "zero", "--alternative", "greater")  # fmt: skip
    assert "or more" in cpalab(*geo, "--method", "did")[1]
    assert (
        "--alternative: greater must be two-sided here"
        in cpalab(*geo, "--method", "tbr", "--inference", "block_conformal")[2]
    )


def test_value_per_conversion_is_read_with_value(cpalab, users, tmp_path):
    table = pd.read_csv(users)
    worth = np.where(table["arm"] == "treated", 20.0, 25.0) + table["user_id"] % 3
    table["value"] = table["conversions"] * worth
    table.to_csv(tmp_path / "valued.csv", index=False)
    row = json.loads(cpalab("lift", "user", tmp_path / "valued.csv", "--json")[1])["rows"][1]
    assert row["change_of_value_per_conversion"] == pytest.approx(-5.0, abs=0.3)
    assert row["change_of_value_per_conversion_upper"] < -4
    table["cluster_id"] = table["user_id"] // 2
    table.to_csv(tmp_path / "households.csv", index=False)
    status, out, _ = cpalab("lift", "user", tmp_path / "households.csv")
    assert status == 0
    assert "change of value per conversion" in out
    assert "Errors are those of 3,000 treated and 2,000 control clusters." in " ".join(out.split())


def test_several_arms_in_one_table(cpalab, users, tmp_path):
    table = pd.read_csv(users)
    channel = np.where(table["user_id"] % 2 == 0, "search", "social")
    table["arm"] = np.where(table["arm"] == "control", "control", channel)
    file = tmp_path / "arms.csv"
    table.to_csv(file, index=False)
    rows = json.loads(cpalab("lift", "user", file, "--json")[1])["rows"]
    arms = [(row["arm"], row["level"]) for row in rows]
    assert arms == [("search", 0.9), ("search", 0.95), ("social", 0.9), ("social", 0.95)]
    out = " ".join(cpalab("lift", "user", file)[1].split())
    assert "P-values and intervals hold for all 2 arms together (Dunnett)" in out
    for options in (("--adjusted",), ("--look", 1, "--looks", 2), ("--cap", 5), ("--alternative", "less")):
        status, _, err = cpalab("lift", "user", file, *options)
        assert status == 2
        assert options[0] in err
        assert "must not be given with several arms" in err


def test_the_sizes_of_several_arms_are_checked(cpalab, users, tmp_path):
    table = pd.read_csv(users)
    table["arm"] = np.where(
        table["arm"] == "control", "control", np.where(table["user_id"] % 2 == 0, "search", "social")
    )
    file = tmp_path / "arms.csv"
    table.to_csv(file, index=False)
    mismatch = "the arms are not the ones planned"
    for share, found in (("0.6", False), ("search=0.3,social=0.3", False), ("search=0.5,social=0.1", True)):
        assert (mismatch in " ".join(cpalab("lift", "user", file, "--treated-share", share)[1].split())) == found
    for share in ("search=0.3", "search=0.9,social=0.4", "many", "1.5"):
        status, _, err = cpalab("lift", "user", file, "--treated-share", share)
        assert status == 2
        assert "shares" in err or "--treated-share" in err


def test_totals_a_margin_and_a_row_for_a_media_mix_model(cpalab, tmp_path):
    file = tmp_path / "totals.csv"
    file.write_text("arm;users;conversions;cost\ntreated;90000;950;4500,5\ncontrol;10000;80;0\n")
    words = ("lift", "user", file, "--margin", 0.5, "--calibration", "robyn", "--channel", "tv", "--level", 0.95)
    status, _, err = cpalab(*words)
    assert status == 2
    assert "--first-day, --last-day: both must be given; robyn needs the days" in err
    answer = json.loads(cpalab(*words, "--first-day", "2026-03-01", "--last-day", "2026-03-28", "--json")[1])
    assert answer["rows"][0]["incremental_conversions"] == pytest.approx(230.0)
    assert answer["rows"][0]["cost"] == 4500.5
    assert answer["margin"][0]["noninferior"]
    row = answer["calibration_robyn"][0]
    assert (row["liftAbs"], row["spend"], row["liftStartDate"]) == (pytest.approx(230.0), 4500.5, "2026-03-01")
    out = " ".join(cpalab(*words[:5], "--calibration", "pymc", "--channel", "tv", "--periods", 4)[1].split())
    assert "calibration pymc" in out
    assert "less than the margin of 50.0%" in out
    out = cpalab(*words[:3], "--calibration", "meridian")[1]
    assert "log normal mu" in out


def test_columns_that_are_nearly_known_are_refused_and_others_named(cpalab, users, tmp_path):
    table, file = pd.read_csv(users), tmp_path / "named.csv"
    for wrong, right in (("Cost", "cost"), ("spend", "cost"), ("revenue", "value"), ("Exposed ", "exposed")):
        table.rename(columns={right: wrong}).to_csv(file, index=False)
        status, _, err = cpalab("lift", "user", file)
        assert status == 2
        assert f"did you mean {right}?" in err
    table.assign(country="DE", device="phone").to_csv(file, index=False)
    assert "Columns not used: country, device." in " ".join(cpalab("lift", "user", file)[1].split())


def test_a_misspelt_cost_of_regions_is_refused(cpalab, tmp_path):
    days, file = pd.date_range("2026-01-01", periods=40).strftime("%Y-%m-%d"), tmp_path / "geo.csv"
    rows = [(day, geo, 10 + n % 7, 0.0) for geo in ("a", "b", "c") for n, day in enumerate(days)]
    pd.DataFrame(rows, columns=["date", "geo", "response", "Spend"]).to_csv(file, index=False)
    status, _, err = cpalab("lift", "geo", file, "--treated", "a", "--start", "2026-02-01", "--end", "2026-02-09")
    assert status == 2
    assert "Spend: column is none that is read here; did you mean cost?" in err


def test_a_test_without_cost_has_no_price(cpalab, users, tmp_path):
    table, file = pd.read_csv(users).drop(columns="cost"), tmp_path / "free.csv"
    table.to_csv(file, index=False)
    status, out, _ = cpalab("lift", "user", file)
    assert status == 0
    assert "cost per incremental conversion" not in out
    assert "Without the column cost there is no price" in " ".join(out.split())
    priced = json.loads(cpalab("lift", "user", users, "--json")[1])["rows"][0]
    plain = json.loads(cpalab("lift", "user", file, "--json")[1])["rows"][0]
    assert plain["p_value"] == priced["p_value"]


def test_another_column_can_be_the_response(cpalab, users, tmp_path):
    table, file = pd.read_csv(users), tmp_path / "two.csv"
    table.assign(installs=table["conversions"] * (table["user_id"] % 3 == 0)).to_csv(file, index=False)
    row = json.loads(cpalab("lift", "user", file, "--response", "installs", "--json")[1])["rows"][0]
    assert (
        row["treated_conversions"]
        == (table["conversions"] * (table["user_id"] % 3 == 0))[table["arm"] == "treated"].sum()
    )
    status, _, err = cpalab("lift", "user", file, "--response", "install")
    assert status == 2
    assert "did you mean installs?" in err


def test_value_can_be_capped(cpalab, users):
    out = " ".join(cpalab("lift", "user", users, "--cap", "15")[1].split())
    assert "Value is capped at 15.00 per user" in out
    status, _, err = cpalab("lift", "user", users, "--cap", "-1")
    assert status == 2
    assert "--cap: -1 must be positive" in err


def test_small_prices_keep_three_digits(cpalab, users, tmp_path):
    table, file = pd.read_csv(users), tmp_path / "cheap.csv"
    table.assign(cost=table["cost"] * 1e-6).to_csv(file, index=False)
    dear, cheap = (json.loads(cpalab("lift", "user", one, "--json")[1])["rows"][1] for one in (users, file))
    point = f"{cheap['cost_per_incremental_conversion']:#.3g}"
    assert float(point) == pytest.approx(1e-6 * dear["cost_per_incremental_conversion"], rel=5e-3)
    out = cpalab("lift", "user", file)[1]
    assert point in out
    assert f"An incremental conversion cost {point} (95%" in " ".join(out.split())


def test_a_factorial_test(cpalab, users, tmp_path):
    table = pd.read_csv(users).drop(columns=["exposed", "value"])
    table["search"] = table.pop("arm")
    table["social"] = np.where(table["user_id"] % 2 == 0, "treated", "control")
    file = tmp_path / "factorial.csv"
    table.to_csv(file, index=False)
    words = ("lift", "factorial", file, "--factors", "search,social")
    answer = json.loads(cpalab(*words, "--json")[1])
    assert len(answer["rows"]) == 12
    assert "search and social:" in answer["summary"]
    status, out, _ = cpalab(*words)
    assert status == 0
    assert "search alone" in out
    assert "social main effect" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "arm_a: column is required"),
        (("--factors", "arm"), "--factors: arm must be two columns"),
        (("--factors", "arm,exposed"), "exposed: False, True must be treated or control"),
        (("--factors", "arm,exposed", "--level", 3), "--level: 3.0 must lie between"),
    ],
)
def test_a_factorial_test_refuses_in_words(cpalab, users, options, message):
    status, out, err = cpalab("lift", "factorial", users, *options)
    assert (status, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("user", "users.txt"), "holds a header and no rows"),
        (("user", "broken.parquet"), "is not a Parquet file"),
        (("user", "empty.csv"), "is empty"),
        (("user", "columns.csv"), "user_id: column is required; did you mean userid?"),
        (("user", "users.csv", "--level", "2"), "level: 2.0 must lie between"),
        (("user", "users.csv", "--information", "1", "--look", "1", "--looks", "2"), "must not be given with --look"),
        (("geo", "users.csv", "--treated", "a", "--start", "x", "--end", "y"), "location or geo: column is required"),
        (
            (
                "geo",
                "users.csv",
                "--treated",
                "a",
                "--start",
                "x",
                "--end",
                "y",
                "--method",
                "did",
                "--pairs",
                "users.csv",
            ),
            "must not be given with did",
        ),
        (
            (
                "geo",
                "users.csv",
                "--treated",
                "a",
                "--start",
                "x",
                "--end",
                "y",
                "--method",
                "tbr",
                "--inference",
                "placebo",
            ),
            "must be one of calibrated",
        ),
        (
            ("geo", "users.csv", "--treated", "a", "--start", "x", "--end", "y", "--series", "nowhere/x.csv"),
            "nowhere must be a folder",
        ),
        (("switchback", "users.csv", "--block-days", "7"), "date: column is required"),
        (("user", "nowhere.csv"), "does not exist"),
    ],
)
def test_mistakes_are_answered_in_words(cpalab, users, monkeypatch, arguments, words):
    monkeypatch.chdir(users.parent)
    Path("users.txt").write_text("a")
    Path("broken.parquet").write_text("no parquet")
    Path("empty.csv").write_text("")
    Path("columns.csv").write_text("userid,arm,conversions,cost\n1,treated,0,0\n")
    status, out, err = cpalab("lift", *arguments)
    assert status == 2
    assert words in " ".join(err.split())
    assert out == ""


# ---------------------------------------------------------------- tables as people have them


def user_csv(tmp_path, rows, header="user_id,arm,conversions,cost"):
    """A file with these lines, after thirty users of each arm."""
    lines = [f"{arm[0]}{i},{arm},{i % 2},0" for arm in ("treated", "control") for i in range(30)]
    file = tmp_path / "mine.csv"
    file.write_text("\n".join([header, *lines, *rows]) + "\n")
    return file


def treated_users(cpalab, file):
    status, out, err = cpalab("lift", "user", file, "--json")
    assert status == 0, err
    return json.loads(out)["rows"][0]["treated_users"]


def test_names_are_text_as_it_is_written(cpalab, tmp_path):
    rows = ["01,treated,0,0", "1,treated,0,0", "NA,treated,0,0", "1e310,treated,0,0", "1e311,treated,1,0"]
    assert treated_users(cpalab, user_csv(tmp_path, rows)) == 35
    assert "user_id: 1 missing" in cpalab("lift", "user", user_csv(tmp_path, [",treated,0,0"]))[2]
    assert "cost: 2 missing" in cpalab("lift", "user", user_csv(tmp_path, ["a,treated,0,NA", "b,treated,0,"]))[2]


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_semicolons_and_tabs_separate_too(cpalab, users, tmp_path, separator, start):
    other = tmp_path / "other.csv"
    other.write_text(start + users.read_text().replace(",", separator), encoding="utf-8")
    assert cpalab("lift", "user", other, "--json") == cpalab("lift", "user", users, "--json")


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        ("user_id,arm,conversions,cost", ["a,treated,0,0,5,6"], "does not have the 4 cells of the header (line 62)"),
        ("user_id,arm,conversions", [], "does not have the 3 cells of the header (60 rows"),
        ("user_id,arm,conversions,conversions", [], "names 'conversions' more than once"),
        ("user_id,arm,conversions,cost", ['a,treated,0,"1,205"'], "could stand before thousands or decimals"),
    ],
)
def test_tables_that_would_have_to_be_guessed_are_refused(cpalab, tmp_path, header, rows, words):
    status, _, err = cpalab("lift", "user", user_csv(tmp_path, rows, header))
    assert status == 2
    assert words in " ".join(err.split())


def test_a_header_without_rows_is_said(cpalab, tmp_path):
    for name, header in (("user", "user_id,arm,conversions,cost"), ("switchback", "date,response,state")):
        (tmp_path / "bare.csv").write_text(header + "\n")
        options = ("--block-days", 7) if name == "switchback" else ()
        assert "holds a header and no rows" in cpalab("lift", name, tmp_path / "bare.csv", *options)[2]


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


def test_the_effect_on_the_exposed_is_labelled(cpalab, users):
    out = " ".join(cpalab("lift", "user", users)[1].split())
    for label in (
        "effect per assigned user (ITT)", "effect per exposed user (ATT)",
        "relative conversion lift of the assigned (ITT lift)", "relative conversion lift of the exposed (ATT lift)",
    ):  # fmt: skip
        assert label in out
    assert "over all assigned (ITT)" in out
    row = json.loads(cpalab("lift", "user", users, "--json")[1])["rows"][0]
    assert row["relative_att_lift"] > row["relative_conversion_lift"]
    table = pd.read_csv(users).drop(columns="exposed")
    table.to_csv(users, index=False)
    assert "ITT" not in cpalab("lift", "user", users)[1]


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


@pytest.mark.parametrize(
    ("command", "table", "places"),
    [
        (
            "lift user {} --level 1.5 --treated-share 3 --adjusted --look 3 --method score --cap x",
            "user_id,arm,conversions,cost\n1,treated,x,1\n2,control,1,0\n2,foo,1,\n",
            "--look, --treated-share: --cap: --level: --method: pre_period_conversions: arm: conversions: cost:",
        ),
        (
            "lift factorial {} --level 2 --factors a",
            "user_id,a,conversions\n1,treated,x\n",
            "--level: --factors: conversions:",
        ),
        (
            "lift geo {} --level 3 --method nope --start 2026-01-01 --end 2026-01-03",
            "date,geo,response\n2026-01-01,a,x\n",
            "--treated, --level: --method: response:",
        ),
        (
            "power geo {} --windows 0 --method nope --level 4 --test-days 1",
            "date,geo,response\n2026-01-01,a,x\n",
            "--treated, --windows: --method: --level: response:",
        ),
        (
            "lift switchback {} --level 3 --block-days 9",
            "date,response\n2026-01-01,x\n",
            "--level: state: response: --block-days:",
        ),
    ],
)
def test_options_and_table_are_refused_together(tmp_path, cpalab, command, table, places):
    file = tmp_path / "table.csv"
    file.write_text(table)
    status, _, err = cpalab(*command.format(file).split())
    assert status == 2
    assert [place for place in places.split() if place not in err] == []
