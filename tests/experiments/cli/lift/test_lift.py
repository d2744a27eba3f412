"""`cpalab lift user` and `lift factorial`: tables of users, from the command line; what all of `lift` refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


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


def test_options_of_looks_need_looks(cpalab, users):
    status, _, err = cpalab("lift", "user", users, "--boundary", "pocock")
    assert status == 2
    assert "--boundary: pocock must not be given without --look and --looks" in err


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


def test_tables_in_the_layout_of_another_country(cpalab, tmp_path):
    rows = [f"g{k};{day:02d}/01/2026;{100 + 7 * k + (day * (k + 3)) % 11},5" for k in range(6) for day in range(1, 29)]
    (tmp_path / "geos.csv").write_text("geo;date;response\n" + "\n".join(rows) + "\n")
    words = (
        "lift",
        "geo",
        tmp_path / "geos.csv",
        "--treated",
        "g0",
        "--start",
        "2026-01-20",
        "--end",
        "2026-01-28",
        "--json",
    )
    status, out, err = cpalab(*words)
    assert (status, "dates begin with the day" in err) == (0, True)
    assert cpalab(*words, "--dates", "day-first", "--decimal", "comma")[:2] == (0, out)
    status, _, err = cpalab(*words, "--dates", "month-first")
    assert (status, "date: values such as 01/01/2026" in err) == (2, True)


@pytest.mark.parametrize("words", [("Treatment", "Control"), ("test", "hold-out"), ("TREATED", "holdout")])
def test_arms_by_other_words_are_read_and_said(cpalab, tmp_path, words):
    file = tmp_path / "totals.csv"
    file.write_text(f"arm,users,conversions\n{words[0]},1000,60\n{words[1]},1000,50\n")
    status, out, err = cpalab("lift", "user", file, "--json")
    assert status == 0
    assert json.loads(out)["rows"][0]["incremental_conversions"] == pytest.approx(10)
    assert f"{words[1]!r} is read as control" in err


def test_one_arm_or_state_in_several_spellings_is_one(cpalab_here, tmp_path):
    file = tmp_path / "users.csv"
    rows = [(f"u{k}", ("treated", "Treated ", "control", "CONTROL")[k % 4], int(k % 8 < 2)) for k in range(80)]
    pd.DataFrame(rows, columns=["user_id", "arm", "conversions"]).to_csv(file, index=False)
    status, out, err = cpalab_here("lift", "user", file, "--json")
    assert (status, json.loads(out)["rows"][0]["control_users"]) == (0, 40)
    assert "'Treated' is read as treated and 'CONTROL' is read as control" in err
    days = pd.date_range("2026-01-05", periods=56).strftime("%Y-%m-%d")
    states = [("ON", "Off ")[(k // 7 + k // 14) % 2] for k in range(56)]
    pd.DataFrame({"date": days, "state": states, "response": np.arange(56) % 5}).to_csv(file, index=False)
    status, _, err = cpalab_here("lift", "switchback", file, "--block-days", "7", "--json")
    assert status == 0
    assert "'ON' is read as on and 'Off' is read as off" in err


def test_two_arms_that_are_spelled_alike_are_refused(cpalab_here, tmp_path):
    file = tmp_path / "totals.csv"
    file.write_text("arm,users,conversions\nsearch,1000,60\nSearch ,900,50\nvideo,900,50\ncontrol,1000,50\n")
    status, _, err = cpalab_here("lift", "user", file)
    assert (status, "must not be one arm spelled two ways" in err) == (2, True)


@pytest.mark.parametrize("words", [("exposed", "unexposed"), ("1", "0"), ("test", "treated")])
def test_words_that_could_mean_something_else_are_refused(cpalab, tmp_path, words):
    file = tmp_path / "totals.csv"
    file.write_text(f"arm,users,conversions\n{words[0]},1000,60\n{words[1]},1000,50\n")
    assert cpalab("lift", "user", file)[0] == 2


@pytest.mark.parametrize(
    "header", ["Cell,Reach,Conversions", "Group,Users,Total Conversions", "variant,People,Converters"]
)
def test_totals_under_the_headers_of_platforms(cpalab, tmp_path, header):
    file = tmp_path / "totals.csv"
    file.write_text(f"{header}\nTest,1000,60\nControl,1000,50\n")
    status, out, err = cpalab("lift", "user", file, "--json")
    assert status == 0
    assert json.loads(out)["rows"][0]["incremental_conversions"] == pytest.approx(10)
    assert f"{header.split(',')[0]} is read as arm" in err


def test_ids_under_another_name_are_text_too(cpalab, tmp_path):
    file = tmp_path / "users.csv"
    rows = [f"{'0' * (k % 2)}{1 + k // 2},{'treated' if k % 2 else 'control'},{k % 3 == 0:d}" for k in range(60)]
    file.write_text("Customer ID,arm,conversions\n" + "\n".join(rows) + "\n")
    status, out, _ = cpalab("lift", "user", file, "--json")  # 01 and 1 are two people
    assert (status, json.loads(out)["rows"][0]["treated_users"]) == (0, 30)


def test_two_columns_that_could_be_the_arm_are_not_guessed(cpalab, tmp_path):
    file = tmp_path / "totals.csv"
    file.write_text("group,cell,users,conversions\nTest,a,1000,60\nControl,b,1000,50\n")
    status, _, err = cpalab("lift", "user", file)
    assert (status, "arm: column is required" in err) == (2, True)
