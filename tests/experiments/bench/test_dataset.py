"""Frozen data sets: the same hash again and with other threads, a truth that sums to the twins', schemas that read back."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from attribution.formats.registry import read_data
from cpalab.refusal import Refused
from experiments.bench.dataset import DATASETS, Dataset, DatasetWorld, write_dataset
from experiments.cli.bench.dataset import command
from experiments.truth.effects import measure_truth
from simulator.storage import verified
from simulator.world import simulate

BUSY = {
    "run.users": 3_000, "run.days": 7.0, "run.warm_up_days": 5, "run.follow_up_days": 4,
    "population.need_per_day.mean": 0.05, "funnel.1.rate": 0.5, "funnel.2.rate": 0.4,
}  # fmt: skip
TRIED = {
    "apparel": DatasetWorld("dtc-apparel", "a shop", overrides=BUSY),
    "targeted": DatasetWorld("dtc-apparel", "the same, targeted", "strong targeting", BUSY),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, Dataset]:
    folder = tmp_path_factory.mktemp("dataset")
    return folder, write_dataset("tried", folder, worlds=TRIED)


def test_the_same_hash_on_another_run_and_with_more_threads(written, tmp_path) -> None:
    folder, found = written
    again = write_dataset("tried", tmp_path, worlds=TRIED, threads=3)
    assert again.sha256 == found.sha256
    assert (tmp_path / "dataset.json").read_text() == (folder / "dataset.json").read_text()
    assert found.worlds["sha256"].nunique() == 2
    other = {"apparel": DatasetWorld("dtc-apparel", "a shop", overrides=BUSY | {"run.seed": 99})}
    (tmp_path / "other").mkdir()
    assert write_dataset("tried", tmp_path / "other", worlds=other).sha256 != found.sha256


def test_its_truth_sums_to_the_twins(written) -> None:
    folder, found = written
    truth = measure_truth(simulate(TRIED["apparel"].load()))
    orders = pq.read_table(folder / "apparel" / "truth_by_order.parquet").to_pandas()
    for effect in truth.effects:
        own = orders[orders["channel"] == effect.channel]["label"]
        assert (own == "caused").sum() - (own == "prevented").sum() == effect.incremental_conversions
    assert found.worlds["caused"][0] == truth.effect("all", "joint").incremental_conversions


@pytest.mark.parametrize("tracking", ["perfect", "recorded"])
def test_every_schema_reads_back(written, tracking) -> None:
    place = written[0] / "apparel" / tracking
    own = read_data(place / "touches.parquet", place / "conversions.parquet")
    criteo = read_data(*(place / "criteo").glob("criteo.*"))
    counted = read_data(*(place / "channelattribution").glob("channelattribution.*"))
    orders = own.of_action().conversions.num_rows
    assert 0 < len(criteo.conversions) <= orders
    assert 0 < counted.paths.total_conversions <= orders
    assert counted.paths.nulls.sum() > 0  # people who never convert


def test_assignments_name_who_was_held_out(written) -> None:
    people = pq.read_table(written[0] / "apparel" / "assignments.parquet")
    held = [name for name in people.column_names if name.startswith("holdout_")]
    assert held
    assert people.num_rows >= 3_000


def test_the_card_says_what_it_is_and_what_it_is_not_for(written) -> None:
    folder, found = written
    card = (folder / "CARD.md").read_text()
    assert found.sha256 in card
    assert "What it must not be used for" in card
    assert "| targeted | dtc-apparel, strong targeting |" in card


def test_every_named_world_is_a_valid_scenario_and_unknown_names_are_refused(tmp_path) -> None:
    for worlds in DATASETS.values():
        for spec in worlds.values():
            assert spec.load().run.users == 20_000
    with pytest.raises(Refused, match="known here: v1"):
        write_dataset("v2", tmp_path)


def test_the_command_replaces_its_own_result_and_what_it_writes_can_be_verified(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(DATASETS, "v1", {"apparel": TRIED["apparel"]})
    out = tmp_path / "data"
    for words in ([], ["--force"]):
        answer = CliRunner().invoke(command, ["v1", "--out", str(out), *words], catch_exceptions=False)
        assert answer.exit_code == 0
    verified(out)
    assert (out / "apparel" / "assignments.parquet").is_file()
