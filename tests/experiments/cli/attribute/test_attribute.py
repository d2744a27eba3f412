"""`cpalab attribute`, from files to tables, and what it refuses."""

import json

import pandas as pd
import pytest

from attribution.model import model_names

TOUCHES = """user_id,time,channel,device
u1,2026-01-30,search,phone
u1,2026-02-02,email,desktop
u2,2026-01-30,search,phone
u3,2026-01-31,video,phone
"""
CONVERSIONS = "user_id,time,order_id,value,customer\nu1,2026-02-03,o1,30,new\nu2,2026-01-31,o2,10,returning\n"
COSTS = "date,channel,device,cost\n2026-01-30,search,phone,12\n2026-01-31,video,phone,5\n2026-02-02,email,desktop,1\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("touches.csv", TOUCHES), ("visits.csv", TOUCHES), ("conversions.csv", CONVERSIONS), ("costs.csv", COSTS),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def cpalab(cpalab_here):
    return cpalab_here


def rows(out):
    return {row["channel"]: row for row in json.loads(out)["rows"]}


def test_credit_and_cost(files, cpalab):
    status, out, _ = cpalab(
        "attribute", "touches.csv", "conversions.csv", "--cost", "costs.csv", "-m", "last_click", "--json"
    )
    assert status == 0
    found = rows(out)
    assert (found["search"]["conversions"], found["search"]["cost"], found["search"]["cost_per_conversion"]) == (
        1,
        12,
        12,
    )
    assert (found["email"]["value"], found["email"]["roas"]) == (30, 30)
    assert (found["video"]["cost"], found["video"]["cost_per_conversion"]) == (5, None)


def test_costs_may_stand_among_the_files(files, cpalab):
    _, out, _ = cpalab("attribute", "touches.csv", "conversions.csv", "costs.csv", "-m", "linear", "--json")
    assert rows(out)["search"]["cost_per_conversion"] == pytest.approx(8)


def test_lookback(files, cpalab):
    arguments = ("attribute", "touches.csv", "conversions.csv", "-m", "first_click", "--json")
    assert rows(cpalab(*arguments)[1])["search"]["conversions"] == 2
    assert rows(cpalab(*arguments, "--lookback", "2")[1])["search"]["conversions"] == 1


def test_segments_periods_and_clock(files, cpalab):
    _, out, _ = cpalab(
        "attribute", "touches.csv", "conversions.csv", "--cost", "costs.csv", "-m", "first_click", "--by", "device",
        "--period", "month", "--clock", "click", "--json",
    )  # fmt: skip
    found = {(row["channel"], row["device"], row["month"]): row for row in json.loads(out)["rows"]}
    assert found[("search", "phone", "2026-01")]["cost_per_conversion"] == 6


def test_models_with_parameters_and_modules(files, cpalab):
    _, out, _ = cpalab(
        "attribute", "touches.csv", "conversions.csv", "-m", "markov(order=2)", "-m", "attribution.models.rules.rules:Linear",
        "--json",
    )  # fmt: skip
    assert {row["method"] for row in json.loads(out)["rows"]} == {"markov_2", "linear"}


def test_intervals(files, cpalab):
    _, out, _ = cpalab(
        "attribute", "touches.csv", "conversions.csv", "costs.csv", "-m", "linear", "--intervals", "20", "--json"
    )
    low, high = (rows(out)["search"][f"cost_per_conversion_{side}"] for side in ("lower", "upper"))
    assert low is not None
    assert high is None or low <= high


def test_intervals_of_credit_need_no_costs(files, cpalab):
    arguments = ("attribute", "touches.csv", "conversions.csv", "-m", "linear", "--intervals", "20")
    found = rows(cpalab(*arguments, "--json")[1])["search"]
    assert 0 <= found["conversions_lower"] <= found["conversions"] <= found["conversions_upper"]
    assert found["cost_per_conversion"] is None
    assert "conversions from" in cpalab(*arguments)[1]


def test_direct_visits(files, cpalab):
    (files / "touches.csv").write_text(TOUCHES + "u2,2026-01-30,direct,phone\n")
    arguments = ("attribute", "touches.csv", "conversions.csv", "-m", "last_click", "--json")
    credited = {
        rule: {channel: row["conversions"] for channel, row in rows(cpalab(*arguments, *option)[1]).items()}
        for rule, option in (
            ("default", ()),
            ("kept", ("--direct", "kept")),
            ("ignored", ("--direct", "ignored_unless_alone")),
            ("dropped", ("--direct", "dropped")),
        )
    }
    assert credited["default"] == credited["kept"]
    assert (credited["kept"]["direct"], credited["kept"]["search"]) == (1, 0)
    assert (credited["ignored"]["direct"], credited["ignored"]["search"]) == (0, 1)
    assert (credited["dropped"].get("direct", 0), credited["dropped"]["search"]) == (0, 1)


def test_costs_of_channels_without_paths_are_told(files, cpalab):
    (files / "costs.csv").write_text("channel,cost\nserach,12\nradio,3\nvideo,1\n")
    _, out, _ = cpalab("attribute", "touches.csv", "conversions.csv", "costs.csv", "-m", "linear", "--json")
    assert json.loads(out)["notes"][-1] == (
        "Costs of channels that no path has, listed without credit: 'radio'; 'serach' (did you mean search?)."
    )
    assert rows(out)["radio"]["cost"] == 3
    arguments = ("attribute", "touches.csv", "conversions.csv", "costs.csv", "-m", "linear", "--intervals", "20")
    assert "nan" not in cpalab(*arguments)[1]


def test_the_models_are_listed(cpalab):
    status, out, _ = cpalab("attribute", "--models")
    assert status == 0
    models, _, parameters = out.partition("\n\n")
    listed = {line.split("(")[0] for line in models.splitlines() if not line.startswith(" ")}
    assert listed == set(model_names())
    assert "\ntime_decay(half_life_days=7.0)\n" in models
    assert "\nlast_paid_click(paid_channels=…, direct_channels=('direct',))\n" in models
    assert "--model 'time_decay(half_life_days=3)'" in parameters


def test_a_parameter_is_given_as_the_listing_says(files, cpalab):
    arguments = ("attribute", "touches.csv", "conversions.csv", "--json", "-m")
    plain, spelt, other = (
        json.loads(cpalab(*arguments, f"time_decay{given}")[1])["rows"]
        for given in ("", "(half_life_days=7.0)", "(half_life_days=0.01)")
    )
    assert [row["conversions"] for row in plain] == [row["conversions"] for row in spelt]
    assert [row["conversions"] for row in plain] != [row["conversions"] for row in other]


class TestLiftTests:
    """Models rescaled to what lift tests found."""

    arguments = ("attribute", "touches.csv", "conversions.csv", "-m", "linear", "--lift-tests", "lift.csv", "--json")

    @pytest.mark.parametrize("table", ["channel,incremental_conversions,standard_error\nemail,0.25,0.1\n",
                                       "channel,incremental_conversions,lower,upper\nemail,0.25,0.05,0.45\n"])  # fmt: skip
    def test_credit_of_tested_channels_is_what_the_test_found(self, files, cpalab, table):
        (files / "lift.csv").write_text(table)
        found = {(row["channel"], row["method"]): row for row in json.loads(cpalab(*self.arguments)[1])["rows"]}
        assert found["email", "linear"]["conversions"] == 0.5
        assert found["email", "lift_calibrated_linear"]["conversions"] == pytest.approx(0.25)
        assert found["search", "lift_calibrated_linear"]["conversions"] == 1.5

    def test_a_model_that_credits_nothing_to_a_tested_channel_is_left_out_and_named(self, files, cpalab):
        (files / "lift.csv").write_text("channel,incremental_conversions,standard_error\nvideo,1,1\n")
        found = json.loads(cpalab(*self.arguments)[1])
        assert {row["method"] for row in found["rows"]} == {"linear"}
        assert "linear credits nothing to video, so no lift test can rescale it." in found["notes"]

    def test_the_error_of_the_test_is_in_the_interval(self, files, cpalab):
        (files / "lift.csv").write_text("channel,incremental_conversions,standard_error\nsearch,1.5,0.6\n")
        _, out, _ = cpalab(*self.arguments, "--intervals", "200")
        found = {(row["channel"], row["method"]): row for row in json.loads(out)["rows"]}
        widths = [
            found["search", name]["conversions_upper"] - found["search", name]["conversions_lower"]
            for name in ("linear", "lift_calibrated_linear")
        ]
        assert widths[1] > widths[0]

    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ("channel,incremental_conversions\nemail,1\n", "are missing; give one of them"),
            ("channel,incremental_conversions,se,lower,upper\nemail,1,1,0,2\n", "are all given; keep one of them"),
            ("channel,incremental_conversions,se\nemial,1,1\n", "did you mean email?"),
            ("channel,incremental_conversions,se\nemail,1,1\nemail,2,1\n", "has a test already; pool the tests"),
            ("channel,incremental_conversions,se\nemail,1,\n", "(line 2)"),
            ("channel,incremental_conversions,lower,upper\nemail,1,2,3\n", "lies outside of its interval"),
        ],
    )
    def test_mistakes(self, files, cpalab, table, said):
        (files / "lift.csv").write_text(table)
        status, _, err = cpalab(*self.arguments)
        assert status == 2
        assert said in err


def test_margins(files, cpalab):
    _, out, _ = cpalab(
        "attribute", "touches.csv", "conversions.csv", "costs.csv", "-m", "last_click", "--margin-rate", "0.5", "--json"
    )
    assert rows(out)["email"]["profit"] == 14
    assert rows(out)["video"]["profit"] == -5


def test_counted_paths(files, cpalab):
    (files / "paths.csv").write_text("path,total_conversions,total_null\na>b,10,90\nb,20,80\n")
    _, out, _ = cpalab("attribute", "paths.csv", "-m", "markov", "--json")
    assert sum(row["conversions"] for row in rows(out).values()) == pytest.approx(30)


def test_table_and_folder(files, cpalab):
    status, out, _ = cpalab("attribute", "touches.csv", "conversions.csv", "costs.csv", "--out", "result")
    assert status == 0
    assert "CPA" in out
    assert "What was read" in out
    table = pd.read_csv(files / "result" / "cpa.csv")
    assert set(table["method"]) == {"last_click", "linear", "markov"}
    assert json.loads((files / "result" / "manifest.json").read_text())["models"] == ["last_click", "linear", "markov"]
    assert cpalab("attribute", "touches.csv", "conversions.csv", "--out", "result")[0] == 2
    assert cpalab("attribute", "touches.csv", "conversions.csv", "--out", "result", "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("touches.csv", "conversions.csv", "-m", "last_clik"), "did you mean last_click?"),
        (("touches.csv", "conversions.csv", "-m", "markov(order=)"), "write name(parameter=value)"),
        (("touches.csv", "conversions.csv", "-m", "markov(order=0)"), "order: 0 must be at least 1"),
        (("touches.csv", "conversions.csv", "--by", "devise"), "did you mean device?"),
        (("touches.csv", "conversions.csv", "--lookback", "-1"), "--lookback: -1.0 must be a number of days"),
        (("touches.csv", "conversions.csv", "--action", "lead"), "action: 'lead' is unknown"),
        (("touches.csv", "conversions.csv", "--format", "ga5"), "format: 'ga5' is unknown"),
        (("touches.csv", "nothing.csv"), "nothing.csv: does not exist"),
        (("touches.csv",), "conversions: no table given"),
        (("touches.csv", "conversions.csv", "./touches.csv"), "touches.csv is given more than once"),
        (("touches.csv", "conversions.csv", "costs.csv", "--cost", "costs.csv"), "costs.csv is given more than once"),
        (("touches.csv", "conversions.csv", "--stream"), "only Parquet streams"),
        (("touches.csv", "conversions.csv", "--cost", "visits.csv"), "column 'cost' is missing"),
    ],
)
def test_mistakes_are_refused_without_a_traceback(files, cpalab, arguments, said):
    status, out, err = cpalab("attribute", *arguments)
    assert status == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_misspelt_channel_column_is_named(files, cpalab):
    (files / "touches.csv").write_text(TOUCHES.replace("channel", "chanel"))
    _, _, err = cpalab("attribute", "touches.csv", "conversions.csv")
    assert "touches.csv: column 'chanel' is unknown; did you mean channel?" in err


def test_several_mistakes_are_told_together(files, cpalab):
    _, _, err = cpalab(
        "attribute", "touches.csv", "conversions.csv", "-m", "x", "--lookback", "-1", "--margin-rate", "9"
    )
    assert len(err.strip().splitlines()) == 3


def test_malformed_rows_follow_the_policy(files, cpalab):
    (files / "touches.csv").write_text(TOUCHES + "u9,nonsense,search,phone\n")
    status, _, err = cpalab("attribute", "touches.csv", "conversions.csv")
    assert status == 2
    assert "touches.csv.time: 'nonsense' is not a time" in err
    assert "(line 6)" in err
    status, out, _ = cpalab("attribute", "touches.csv", "conversions.csv", "--bad-rows", "drop")
    assert status == 0
    assert "malformed, dropped" in out


def test_the_log_of_a_simulated_world_whole_and_streamed(tmp_path, cpalab):
    world = tmp_path / "world"
    assert cpalab("simulate", "--users", "3000", "--days", "20", "--out", world, "--quiet")[0] == 0
    status, whole, _ = cpalab("attribute", world, "--json")
    assert status == 0
    status, streamed, _ = cpalab("attribute", world, "--stream", "--json")
    assert status == 0
    assert json.loads(whole)["rows"] == json.loads(streamed)["rows"]
    assert sum(row["cost"] or 0 for row in json.loads(whole)["rows"]) > 0
    qualified = [
        json.loads(cpalab("attribute", world, "--action", "qualified", *more, "--json")[1])
        for more in ([], ["--stream"])
    ]
    assert qualified[0]["metric"] == "CPQL"
    assert qualified[0]["rows"] == qualified[1]["rows"]
    assert cpalab("attribute", world, "--stream", "--action", "nothing")[0] == 2


def test_the_log_of_a_run_is_credited_as_the_run_does(tmp_path, cpalab):
    status, _, _ = cpalab("run", "--users", "5000", "--out", tmp_path / "run", "--quiet")
    assert status == 0
    run = pd.read_csv(tmp_path / "run" / "cpa.csv")
    for more in ([], ["--stream"]):
        _, out, _ = cpalab("attribute", tmp_path / "run", "-m", "last_click", "-m", "linear", "--json", *more)
        own = pd.DataFrame(json.loads(out)["rows"])
        both = own.merge(run[run["method"].isin(["last_click", "linear"])], on=["channel", "method"], how="outer")
        assert both["conversions_x"].notna().all()
        assert both["conversions_y"].notna().all()
        assert both["conversions_x"].to_list() == pytest.approx(both["conversions_y"].to_list(), abs=1e-9)
        paid = both[both["cost_y"] > 0]
        assert len(paid)
        assert paid["cost_x"].to_list() == pytest.approx(paid["cost_y"].to_list(), abs=1e-6)


def test_a_log_without_its_manifest_says_that_a_follow_up_would_count(tmp_path, cpalab):
    world = tmp_path / "world"
    assert cpalab("simulate", "--users", "2000", "--days", "10", "--out", world, "--quiet")[0] == 0
    with_manifest = cpalab("attribute", world, "-m", "last_click", "--json")[1]
    (world / "events").rename(tmp_path / "moved")
    alone = cpalab("attribute", tmp_path / "moved", "-m", "last_click", "--json")[1]
    credited = [sum(row["conversions"] for row in json.loads(out)["rows"]) for out in (with_manifest, alone)]
    assert credited[0] < credited[1]
    assert "where its reported window ends is not known" in " ".join(json.loads(alone)["notes"])
    assert "where its reported window ends" not in with_manifest


def test_every_model_that_cannot_use_the_paths_is_named(tmp_path, cpalab):
    counted = tmp_path / "paths.csv"
    counted.write_text("path,total_conversions,total_conversion_value,total_null\na > b,3,30,0\nb,2,9,0\n")
    status, _, err = cpalab("attribute", counted, "-m", "additive_hazard", "-m", "linear", "-m", "bagged_logistic")
    assert status == 2
    assert "additive_hazard, paths: hold counts only" in err
    assert "bagged_logistic, paths: every journey converted" in err
    assert "linear" not in err


def test_options_and_all_files_are_refused_together(tmp_path, cpalab):
    sessions, costs, lifts = (tmp_path / name for name in ("sessions.csv", "costs.csv", "lifts.csv"))
    sessions.write_text("user_id,time,channel,converted\n1,2026-01-01,a,perhaps\n")
    costs.write_text("channel,cost\na,x\n")
    lifts.write_text("channel,found\na,1\n")
    status, _, err = cpalab(
        "attribute", sessions, "--cost", costs, "--lift-tests", lifts, "-m", "nope", "--lookback", "-1"
    )
    assert status == 2
    for place in ("--model: 'nope'", "--lookback: -1", "sessions.csv", "costs.csv.cost", "lifts.csv: column"):
        assert place in err
