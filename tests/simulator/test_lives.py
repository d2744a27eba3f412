"""Lives on a finished board: each block of people for itself, the same bytes however people are cut into blocks."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import simulator.lives
import simulator.storage
from simulator.engines.twins import live_twins
from simulator.law.log import CONVERSION
from simulator.lives import RowGroups, Stage, live_partitions, lives
from simulator.market.market import variants
from simulator.population import build_population
from simulator.storage import fingerprint, write_world


@pytest.fixture(scope="module")
def stage(world):
    return Stage(world.scenario, world.names, world.law, world.board, world.kernels)


@pytest.fixture(scope="module")
def worlds(world):
    """The world as it is, one without each paid channel, and one with dearer bids."""
    paid = world.names.paid_channels()
    rows = variants(len(paid) + 2)
    for row, k in zip(rows[1:], paid, strict=False):
        row.off = 1 << k
    rows[-1].channel, rows[-1].log_bid_change = paid[0], 0.1
    return rows


def cuts(users, blocks):
    edges = np.linspace(0, users, blocks + 1).astype(int)
    return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


@pytest.mark.parametrize("blocks", [1, 2, 3, 7])
def test_blocks_of_any_size_live_the_log_of_the_world(world, stage, blocks):
    found = [lives(stage, first, last).events for first, last in cuts(world.users.num_rows, blocks)]
    assert fingerprint(pa.concat_tables(found)) == fingerprint(world.events)


@pytest.mark.parametrize("blocks", [1, 3])
def test_one_pass_gives_the_log_and_every_twin(world, stage, worlds, blocks):
    population = build_population(world.scenario, world.law, world.names)
    apart = live_twins(world.law, world.board, population, worlds, world.scenario.run.seed, kernel=world.kernels.relive)
    parts = [lives(stage, first, last, worlds) for first, last in cuts(world.users.num_rows, blocks)]
    assert fingerprint(pa.concat_tables([part.events for part in parts])) == fingerprint(world.events)
    assert (np.concatenate([part.twins.parted for part in parts]) == apart.parted).all()
    assert (sum(part.twins.ledgers["cost_micros"] for part in parts) == apart.ledgers["cost_micros"]).all()
    wanted = apart.orders
    wanted = wanted[(wanted["kind"] == CONVERSION) & (wanted["time"] >= 0.0) & (wanted["world"] > 0)]
    assert np.concatenate([part.twins.orders for part in parts]).tobytes() == wanted.tobytes()


@pytest.mark.parametrize(("blocks", "threads"), [(1, 1), (2, 3), (3, 1), (7, 2)])
def test_the_files_are_those_of_a_world_kept_in_memory(world, stage, worlds, tmp_path, monkeypatch, blocks, threads):
    # Several partitions, several row groups in each, and blocks that are cut otherwise than those of the cohort.
    for module in (simulator.lives, simulator.storage):
        monkeypatch.setattr(module, "PARTITION_USERS", 1_200)
    monkeypatch.setattr(simulator.lives, "ROW_GROUP", 5_000)
    monkeypatch.setattr(simulator.storage.pq, "write_table", row_groups_of(5_000))
    (tmp_path / "whole").mkdir()
    write_world(world, tmp_path / "whole")
    parts = live_partitions(
        stage, tmp_path / "events", tmp_path / "twins", worlds, threads=threads, block_users=-(-1_200 // blocks)
    )
    assert len(parts) == 3
    for part in parts:
        assert part.read_bytes() == (tmp_path / "whole" / "events" / part.name).read_bytes()
        assert pq.read_metadata(part).num_row_groups > 1


def row_groups_of(rows):
    write = pq.write_table

    def smaller(table, where, **options):
        write(table, where, row_group_size=rows, **options)

    return smaller


def test_a_finished_partition_is_not_lived_again(world, stage, tmp_path, monkeypatch):
    monkeypatch.setattr(simulator.lives, "PARTITION_USERS", 1_200)
    where = tmp_path / "events", tmp_path / "twins"
    parts = live_partitions(stage, *where)
    before = [part.stat().st_mtime_ns for part in parts]
    wanted = parts[1].read_bytes()
    parts[1].unlink()
    (tmp_path / "twins" / "part-00002.npz").unlink()  # killed between a partition's events and its twins
    live_partitions(stage, *where)
    after = [part.stat().st_mtime_ns for part in parts]
    assert [now == was for now, was in zip(after, before, strict=True)] == [True, False, False]
    assert parts[1].read_bytes() == wanted


def test_a_file_without_rows_is_a_log_without_rows(tmp_path):
    with RowGroups(tmp_path / "none.parquet"):
        pass
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


def test_where_writing_fails_no_file_has_the_name_of_a_whole_one(stage, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RowGroups, "write", full)
    with pytest.raises(OSError, match="No space left"):
        live_partitions(stage, tmp_path / "events", tmp_path / "twins")
    assert [path.name for path in tmp_path.rglob("*.parquet")] == []
