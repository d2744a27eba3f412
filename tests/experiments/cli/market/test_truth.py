"""`cpalab truth` and `cpalab simulate` from the command to what they print and write."""

import json

import pytest

from simulator.storage import read_world

pytestmark = pytest.mark.xdist_group("cli")


def test_truth_as_json_holds_every_estimand_and_the_labels(cpalab, small, finished):
    folder, _ = finished
    answer = cpalab("truth", *small, "--json")
    assert (answer.status, answer.err) == (0, "")
    found = json.loads(answer.out)
    assert found["feedback"] == "held"
    assert [(e["channel"], e["estimand"]) for e in found["effects"]] == [
        ("social", "average"),
        ("all", "joint"),
        ("social", "marginal_bid"),
        ("social", "marginal_budget"),
    ]
    happened = {label: orders for label, orders in found["labels"]["all"].items() if label != "prevented"}
    assert sum(happened.values()) == read_world(folder).orders().num_rows


def test_truth_writes_what_it_found_whole_or_not_at_all(cpalab, small, finished, tmp_path, is_refused):
    folder, _ = finished
    answer = cpalab("truth", *small, "--json", "--out", tmp_path / "truth")
    assert (answer.status, answer.err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "truth").iterdir()) == [
        "manifest.json", "orders.parquet", "truth.csv", "truth.html", "truth.json",
    ]  # fmt: skip
    assert (tmp_path / "truth" / "orders.parquet").read_bytes() == (folder / "orders.parquet").read_bytes()
    assert (tmp_path / "truth" / "truth.csv").read_bytes() == (folder / "truth.csv").read_bytes()
    assert (tmp_path / "truth" / "truth.json").read_text() == answer.out
    assert list(json.loads((tmp_path / "truth" / "manifest.json").read_text())["files"]) == [
        "orders.parquet", "truth.csv", "truth.html", "truth.json",
    ]  # fmt: skip
    is_refused(cpalab("truth", *small, "--out", tmp_path / "truth"), "exists already; --force replaces it")
    assert list(tmp_path.iterdir()) == [tmp_path / "truth"]


def test_truth_with_free_feedback_prints_its_table(cpalab, small):
    answer = cpalab("truth", *small, "--feedback", "free", "--threads", "2")
    assert (answer.status, answer.err) == (0, "")
    rows = [line for line in answer.out.splitlines() if line.startswith("│")]
    assert [row.split()[1] for row in rows] == ["Social", "All", "Social", "Social"]
    assert all("│ free " in row for row in rows)


def test_truth_of_several_channels_together(cpalab, small):
    answer = cpalab("truth", *small, "--interactions", "social", "--json")
    assert (answer.status, answer.err) == (0, "")
    found = json.loads(answer.out)
    average = next(e for e in found["effects"] if e["estimand"] == "average")
    assert found["interactions"][0]["shapley_conversions"] == average["incremental_conversions"]
    printed = cpalab("truth", *small, "--interactions", "social")
    assert "Shapley value" in printed.out


def test_channels_that_do_not_exist_are_refused_before_any_work(cpalab, small):
    answer = cpalab("truth", *small, "--interactions", "soical")
    assert answer.status == 2
    assert "--interactions: soical is no channel with campaigns; did you mean social?" in answer.err


def test_simulate_writes_the_world_alone_and_the_same_world(cpalab, small, finished, tmp_path):
    folder, _ = finished
    answer = cpalab("simulate", *small, "--out", tmp_path / "world")
    assert (answer.status, answer.err) == (0, "")
    assert "events of 20,000 people in" in answer.out
    assert not (tmp_path / "world" / "cpa.csv").exists()
    for name in ("events/part-00000.parquet", "users.parquet", "market.parquet", "timeline.parquet", "board.npz"):
        assert (tmp_path / "world" / name).read_bytes() == (folder / name).read_bytes()
    assert read_world(tmp_path / "world", verify=True).events.num_rows > 0


def test_simulate_needs_a_folder(cpalab_here, small, is_refused):
    is_refused(cpalab_here("simulate", *small), "Missing option '--out'")


def test_truth_over_time_and_along_a_curve(cpalab_here, tmp_path):
    words = ["dropshipping", "--users", "5000", "--days", "4", "--seed", "7", "--by", "week", "--pulse", "social:1",
             "--curve", "social", "--at", "0,.5,1", "--out", tmp_path / "truth"]  # fmt: skip
    status, said, err = cpalab_here("truth", *words)
    assert (status, err) == (0, "")
    for told in ("Truth by week", "What the ads of social on day 1 did", "Response curve of social, market held"):
        assert told in said
    found = json.loads((tmp_path / "truth" / "truth.json").read_text())
    assert [row["week"] for row in found["truth_by_week"] if row["channel"] == "all"] == [1, 0]
    assert {row["days_after"] for row in found["pulses"]} >= {0, 1, 2, 3}
    assert [row["dose"] for row in found["curves"]] == [0.0, 0.5, 1.0]
    assert {path.name for path in (tmp_path / "truth").glob("*.csv")} == {
        "truth.csv", "truth_by_week.csv", "pulses.csv", "curves.csv",
    }  # fmt: skip


def test_what_cannot_be_asked_of_the_truth_is_refused_at_once_and_as_typed(cpalab_here):
    words = [
        "--pulse",
        "soical:1",
        "--pulse",
        "social",
        "--curve",
        "social",
        "--at",
        "x,-1",
        "--interactions",
        "nobody",
    ]
    status, said, err = cpalab_here("truth", "dropshipping", *words)
    assert (status, said) == (2, "")
    for problem in (
        "--pulse: soical is no channel with campaigns; did you mean social?",
        "--pulse: 'social' must name a channel and a whole day; write --pulse video:7",
        "--at: 'x' must be numbers with commas",
        "--at: -1 doses must lie between 0 and 100",
        "--interactions: nobody is no channel with campaigns",
    ):
        assert problem in err, err
    status, _, err = cpalab_here("truth", "dropshipping", "--at", "1,2")
    assert (status, "belongs to a curve; name a channel with --curve" in err) == (2, True)


def test_truth_over_seeds_stands_beside_that_over_people(cpalab_here):
    words = ["dropshipping", "--users", "3000", "--days", "3", "--seed", "7", "--seeds", "3"]
    status, said, err = cpalab_here("truth", *words, "--json")
    assert (status, err) == (0, "")
    rows = json.loads(said)["truth_over_seeds"]
    assert [(row["channel"], row["seeds"]) for row in rows] == [("social", 3), ("all", 3)]
    assert rows[0]["over_people_lower"] <= rows[0]["incremental_conversions"] <= rows[0]["over_people_upper"]
    status, said, _ = cpalab_here("run", *words)
    assert status == 0
    assert "Truth over 3 markets" in said
    assert "3 markets, seeds 7 to 9." in said


@pytest.mark.parametrize("command", ["truth", "run"])
def test_one_seed_has_no_interval(cpalab_here, command):
    status, said, err = cpalab_here(command, "dropshipping", "--seeds", "1")
    assert (status, said) == (2, "")
    assert "--seeds: 1 must be from 2 to 10,000; one market has no interval over markets" in err
