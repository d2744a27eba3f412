"""`cpalab run`: the main job from the command to its files."""

import csv
import hashlib
import json
import math
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments.report.ten_seconds import short_price
from simulator.storage import read_world

pytestmark = pytest.mark.xdist_group("cli")

CPA_COLUMNS = [
    "channel",
    "method",
    "cost",
    "conversions",
    "cost_per_conversion",
    "cost_per_conversion_lower",
    "cost_per_conversion_upper",
]
TRUTH_COLUMNS = [
    "channel",
    "estimand",
    "cost",
    "incremental_conversions",
    "cost_per_incremental_conversion",
    "incremental_customers",
    "cost_per_incremental_customer",
    "feedback",
    "days_bound",
]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_it_writes_every_file_and_says_where(finished):
    folder, answer = finished
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written >= {
        "manifest.json",
        "events/part-00000.parquet",
        "users.parquet",
        "market.parquet",
        "timeline.parquet",
        "board.npz",
        "orders.parquet",
        "cpa.csv",
        "truth.csv",
        "report.html",
    }
    assert str(folder) in answer.out
    assert list(folder.parent.iterdir()) == [folder]


def test_charts_are_a_folder_of_their_own_in_every_kind_asked_for(cpalab_here, tmp_path):
    small = ["run", "dropshipping", "--users", "1000", "--days", "4", "--quiet", "--charts", tmp_path / "charts"]
    assert cpalab_here(*small, "--as", "svg,pdf") == (0, "", "")
    names = {path.name for path in (tmp_path / "charts").iterdir()}
    assert names >= {"manifest.json", "prices.svg", "prices.pdf"}
    assert not {name for name in names if name.endswith(".png")}
    status, _, error = cpalab_here(*small, "--as", "gif")
    assert status == 2
    assert "--as: is unknown" in error or "'gif' is unknown" in error


def test_the_manifest_lists_every_other_file_with_its_checksum(finished):
    folder, _ = finished
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == files - {"manifest.json"}
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert manifest["seed"] == 7
    assert manifest["scenario"]["run"]["users"] == 20_000
    assert read_world(folder, verify=True).scenario.run.users == 20_000


def test_the_tables_have_their_columns_and_methods(finished):
    folder, _ = finished
    cpa, truth = rows_of(folder / "cpa.csv"), rows_of(folder / "truth.csv")
    assert list(cpa[0]) == CPA_COLUMNS
    assert {row["method"] for row in cpa} == {"last_click", "linear", "markov", "lift_test", "truth"}
    assert list(truth[0]) == TRUTH_COLUMNS
    assert {row["estimand"] for row in truth} == {"average", "joint", "marginal_bid", "marginal_budget"}


def test_the_tables_hold_numbers_or_inf_or_nothing(finished):
    folder, _ = finished
    for name in ("cpa.csv", "truth.csv"):
        for row in rows_of(folder / name):
            for column, text in row.items():
                if column not in ("channel", "method", "estimand", "feedback"):
                    assert text in ("", "inf") or math.isfinite(float(text)), (name, row)


def test_the_table_on_the_screen_fits_an_ordinary_terminal_and_gives_a_verdict(finished):
    folder, answer = finished
    social = {row["method"]: row for row in rows_of(folder / "cpa.csv") if row["channel"] == "social"}
    line = next(line for line in answer.out.splitlines() if line.startswith("Social"))
    assert short_price(float(social["last_click"]["cost_per_conversion"])) in line
    assert short_price(float(social["truth"]["cost_per_conversion"])) in line
    assert line.rstrip().endswith(("fair", "cannot tell")) or "credited" in line
    assert max(map(len, answer.out.splitlines()[:-1])) <= 80


def test_full_prints_every_table_of_the_same_answer(finished, cpalab):
    folder, _ = finished
    social = {row["method"]: row for row in rows_of(folder / "cpa.csv") if row["channel"] == "social"}
    answer = cpalab("run", folder, "--full")
    line = next(line for line in answer.out.splitlines() if line.startswith("│ Social"))
    assert f"{float(social['last_click']['cost_per_conversion']):,.2f}" in line
    assert f"{float(social['truth']['cost_per_conversion']):,.2f}" in line
    assert "Five CPAs" in answer.out


def test_quiet_without_a_place_to_write_warns(cpalab, small):
    answer = cpalab("run", *small, "--quiet")
    assert answer.out == ""
    assert "nothing is written: the result will be lost" in answer.err


def test_json_is_the_whole_answer_and_without_out_nothing_is_written(finished, cpalab, small, tmp_path):
    folder, _ = finished
    answer = cpalab("run", *small, "--json", cwd=tmp_path)
    assert (answer.status, answer.err) == (0, "")
    assert not list(tmp_path.iterdir())
    found = json.loads(answer.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    (social,) = found["channels"]
    written = next(row for row in rows_of(folder / "truth.csv") if row["estimand"] == "average")
    assert social["incremental_conversions"] == int(written["incremental_conversions"])
    assert (found["seed"], found["people"], found["days"]) == (7, 20_000, 7.0)
    assert found["order_labels"]["all"].keys() == {"always", "caused", "moved", "prevented"}
    assert [test["level"] for test in social["lift_test"]] == [0.90, 0.95]


@pytest.mark.parametrize("how", [["--engine", "agents"], ["--threads", "3"]], ids=" ".join)
def test_the_engine_and_threads_change_no_byte_of_any_file_and_quiet_says_nothing(
    finished, cpalab, small, tmp_path, how
):
    folder, _ = finished
    answer = cpalab("run", *small, "--quiet", "--out", tmp_path / "again", *how)
    assert (answer.status, answer.out, answer.err) == (0, "", "")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_seed_days_users_and_set_reach_the_world(cpalab, tmp_path):
    words = ["dropshipping", "--users", "3000", "--days", "2.5", "--seed", "9"]
    given = ["--set", "channels.social.campaigns.product.bid=0.0", "--set", "market.currency=EUR"]
    assert cpalab("run", *words, *given, "--quiet", "--out", tmp_path / "r").status == 0
    world = read_world(tmp_path / "r")
    assert (world.scenario.run.users, world.scenario.run.days, world.scenario.run.seed) == (3_000, 2.5, 9)
    assert world.scenario.market.currency == "EUR"
    assert world.users.num_rows == 3_000
    assert set(world.market["cost_micros"].to_pylist()) == {0}


def test_a_scenario_file_runs_like_the_preset_it_was_copied_from(finished, cpalab, small, tmp_path):
    folder, _ = finished
    (tmp_path / "mine.toml").write_text(cpalab("scenarios", "show", "dropshipping").out)
    assert cpalab("run", "mine.toml", *small[1:], "--quiet", "--out", "result", cwd=tmp_path).status == 0
    for name in ("cpa.csv", "truth.csv", "events/part-00000.parquet", "manifest.json"):
        assert (tmp_path / "result" / name).read_bytes() == (folder / name).read_bytes()


def only_words_of_progress(error: str) -> bool:
    """Whether nothing but parts of the work was named: `simulate …`, `truth … 40%`."""
    lines = [line for line in error.splitlines() if not line.startswith("Compiling the law")]
    return all(re.fullmatch(r"[a-z ]+ …( \d+%)?", line) for line in lines)


def test_a_pipe_gets_words_and_no_progress_bar_or_escape_codes(finished):
    _, answer = finished
    assert only_words_of_progress(answer.err)
    assert "attribution" in answer.parts
    assert "\x1b" not in answer.out + answer.err
    assert "\r" not in answer.out


def test_a_terminal_gets_a_progress_bar(small):
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("cpalab")), "run", *small]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        process.stdout.read()
    os.close(ours)
    assert process.returncode == 0
    assert b"simulate" in shown
    assert b"\x1b[" in shown


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a closed terminal ends on Linux
        return b""


@pytest.mark.parametrize("words", [["--json"], []], ids=["json", "table"])
def test_a_reader_that_goes_away_ends_the_command_quietly(start_cpalab, small, words):
    process = start_cpalab("run", *small, *words)
    process.stdout.close()
    error = process.stderr.read()
    process.wait(timeout=120)
    process.stderr.close()
    assert process.returncode == 141
    assert only_words_of_progress(error)


def test_a_scenario_without_paid_channels_has_nothing_to_compare_and_says_so(cpalab, tmp_path):
    (tmp_path / "free.toml").write_text(
        '[run]\nusers = 500\ndays = 3.0\n[[funnel]]\nname = "buy"\nrate = 0.5\n'
        "[surfaces.direct]\nweights = { out_of_market = 1.0, in_market = 1.0, visited = 1.0, late = 1.0 }\n"
        'visit_share = { in_market = 1.0, visited = 1.0, late = 1.0 }\nvisit_channel = "direct"\n[channels.direct]\n'
    )
    answer = cpalab("run", "free.toml", "--out", "result", cwd=tmp_path)
    assert answer.status == 0, answer.err
    assert "Traceback" not in answer.err
    assert {row["method"] for row in rows_of(tmp_path / "result" / "cpa.csv")} <= {"last_click", "linear", "markov"}


def test_models_and_their_judge_are_those_asked_for(cpalab, small, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass, replace\n"
        "from attribution.models.rules.rules import FirstClick\n"
        "@dataclass(frozen=True)\n"
        "class Mine:\n"
        "    name: str = 'my_model'\n"
        "    def fit(self, paths):\n        return self\n"
        "    def credit(self, paths):\n        return replace(FirstClick().credit(paths), method=self.name)\n"
    )
    models = ("--model", "mine:Mine", "--model", "time_decay(half_life_days=3)", "--model", "first_click")
    answer = cpalab(
        "run", *small, *models, "--judge", "time_decay(half_life_days=3)", "--json", "--out", "done", cwd=tmp_path
    )
    assert answer.status == 0, answer.err
    found = json.loads(answer.out)
    names = ["my_model", "time_decay(half_life_days=3)", "first_click"]
    assert (found["models"], found["judge"]) == (names, names[1])
    for channel in found["channels"]:
        assert list(channel["credits"]) == names
        assert channel["credits"]["my_model"] == channel["credits"]["first_click"]
        assert "ast click" not in channel["verdict"]
    table = pd.read_csv(tmp_path / "done" / "cpa.csv")
    assert set(table["method"]) == {*names, "lift_test", "truth"}
    assert pd.read_csv(tmp_path / "done" / "models.csv").to_dict("list") == {
        "model": names,
        "judge": [False, True, False],
    }
    page = (tmp_path / "done" / "report.html").read_text()
    assert "Time decay (half_life_days=3)" in page
    assert "My model" in page
    assert "Last click" not in page


def test_the_first_model_is_the_judge_where_last_click_is_not_among_them(cpalab, small):
    found = json.loads(cpalab("run", *small, "--model", "linear", "--model", "first_click", "--json").out)
    assert found["judge"] == "linear"


def test_mistakes_about_models_are_refused_before_any_work_and_at_once(cpalab_here, is_refused, small):
    models = ("--model", "marko", "--model", "j_shaped(first='x')", "--model", "os:path", "--users", "-5")
    is_refused(
        cpalab_here("run", small[0], *models),
        "--users: -5 must", "--model: 'marko' is unknown; did you mean markov?", "j_shaped.first: 'x' must be a number",
        "--model: 'os:path' is no model",
    )  # fmt: skip
    twice = cpalab_here("run", *small, "--model", "linear", "--model", "linear")
    is_refused(twice, "--model: 'linear' is given more than once")
    is_refused(cpalab_here("run", *small, "--judge", "shapley"), "--judge: 'shapley' must be one of the models")
