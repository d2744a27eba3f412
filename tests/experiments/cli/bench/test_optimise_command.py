"""`cpalab optimise`: what it says on the screen, in files and as JSON, and what it refuses."""

import json

import pandas as pd

SMALL = ["dtc-apparel", "--users", "1500", "--days", "6", "--every", "3", "--seeds", "2", "--set", "run.warm_up_days=3"]


def test_signals_stand_side_by_side_on_the_screen_and_in_files(cpalab_here, tmp_path):
    out = tmp_path / "loop"
    status, shown, err = cpalab_here("optimise", *SMALL, "--by", "last_click", "--by", "lift_test", "--out", out)
    assert status == 0, err
    for words in ("Budgets follow a signal every 3 days", "as it is", "last_click", "lift_test", "seeds worse off"):
        assert words in shown
    assert sorted(path.name for path in out.iterdir()) == [
        "manifest.json", "optimise.csv", "optimise.html", "optimise.json", "over_time.csv", "worlds.csv",
    ]  # fmt: skip
    table, worlds = pd.read_csv(out / "optimise.csv"), pd.read_csv(out / "worlds.csv")
    assert table["by"].tolist() == ["as it is", "last_click", "lift_test"]
    assert len(worlds) == 6
    stretches = pd.read_csv(out / "over_time.csv")
    assert set(zip(stretches["first_day"], stretches["last_day"], strict=True)) == {(0.0, 3.0), (3.0, 6.0)}
    assert json.loads((out / "optimise.json").read_text())["summary"].startswith("Budgets as they are bring ")


def test_everything_wrong_is_said_before_any_work(cpalab_here, tmp_path):
    words = ["--users", "1000", "--days", "6", "--by", "last_clik", "--every", "7", "--out", tmp_path / "loop"]
    status, shown, err = cpalab_here("optimise", *words)
    assert (status, shown) == (2, "")
    assert "did you mean last_click?" in err
    assert "--every: 7 must lie between 1 and the days of the run (6)" in err
    assert not (tmp_path / "loop").exists()
