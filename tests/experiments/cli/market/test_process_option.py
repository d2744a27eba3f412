"""`--process`: a process of one's own on the command line, in the world's files, and in whatever reads them."""

import json

import pyarrow.parquet as pq
import pytest

BOT = """
def bid_bot(market, step=1.2):
    while True:
        yield market.timeout(1)
        market.set_bid("retargeting", step * market.bid("retargeting"))


class Pauser:
    name = "pauser"

    def __init__(self, on_day: float = 2.0) -> None:
        self.on_day = on_day

    def run(self, market):
        yield market.timeout(self.on_day)
        market.pause("retargeting")
"""
SMALL = ["dtc-apparel", "--users", "1000", "--days", "4", "--threads", "1", "--quiet"]


@pytest.fixture
def bots(tmp_path):
    file = tmp_path / "bots.py"
    file.write_text(BOT)
    return file


def test_a_process_acts_and_the_world_s_files_tell_who_it_was(cpalab_here, bots, tmp_path):
    out = tmp_path / "world"
    words = ["simulate", *SMALL, "--process", f"{bots}:bid_bot(step=1.5)", "--process", f"{bots}:Pauser", "--out", out]
    status, _, err = cpalab_here(*map(str, words))
    assert (status, err) == (0, "")
    acts = pq.read_table(out / "timeline.parquet").to_pandas()
    assert acts["author"].tolist() == ["bid_bot", "pauser", "bid_bot", "bid_bot"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["scenario"]["processes"] == {
        "bid_bot": {"use": f"{bots}:bid_bot(step=1.5)"},
        "pauser": {"use": f"{bots}:Pauser"},
    }
    status, shown, err = cpalab_here("truth", str(out), "--feedback", "free", "--threads", "1", "--json")
    assert (status, err) == (0, "")
    assert shown.startswith("{")
    status, _, err = cpalab_here("truth", str(out), "--process", f"{bots}:bid_bot")
    assert status == 2
    assert f"--process: {bots}:bid_bot cannot change a world that has happened" in err


def test_what_is_no_process_is_refused_before_any_work(cpalab_here, bots, tmp_path):
    words = ["--process", f"{bots}:bidbot", "--process", f"{bots}:bid_bot(stp=2)", "--process", "target_cp"]
    status, _, err = cpalab_here("simulate", *SMALL, *words, "--out", str(tmp_path / "world"))
    assert status == 2
    assert "has no bidbot); did you mean bid_bot?" in err
    assert "does not take these parameters" in err
    assert "'target_cp' is unknown" in err
    assert not (tmp_path / "world").exists()
