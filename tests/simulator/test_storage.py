"""Storage: a world as files, whole or not at all, and read back as it was."""

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cpalab.whole_output import MANIFEST, OutputError, whole_folder
from simulator.engines.replacement import Kernels, replace_steps
from simulator.events import EVENT_SCHEMA
from simulator.lives import RowGroups
from simulator.storage import (
    PARTITION_USERS,
    fingerprint,
    read_world,
    write_manifest,
    write_world,
)
from simulator.world import live_again


def store(world, target, **options):
    with whole_folder(target, **options) as folder:
        write_world(world, folder)
        write_manifest(folder, world.scenario)
    return target


@pytest.fixture(scope="module")
def stored(world, tmp_path_factory):
    return store(world, tmp_path_factory.mktemp("results") / "small")


def test_a_world_is_read_back_as_it_was(world, stored):
    back = read_world(stored, verify=True)
    assert back.scenario == world.scenario
    assert fingerprint(back.events) == fingerprint(world.events)
    assert back.market.equals(world.market)
    assert back.users.to_pandas().equals(world.users.to_pandas())
    assert back.timeline.equals(world.timeline)
    assert all(np.array_equal(now, was) for now, was in zip(back.board, world.board, strict=True))
    assert fingerprint(live_again(back, back.board)) == fingerprint(world.events)


def test_a_result_that_is_no_world_is_refused(tmp_path, world):
    with whole_folder(tmp_path / "t") as folder:
        write_manifest(folder, world.scenario)
    with pytest.raises(OutputError, match="is a result of cpalab, and no world"):
        read_world(tmp_path / "t")


def test_own_steps_are_found_again_by_name_or_asked_for(world, tmp_path):
    own = replace_steps(impression_price=half_price)
    target = store(replace(world, kernels=own), tmp_path / "own")
    assert read_world(target).kernels is own
    lost = Kernels(*own[:3], (("impression_price", "gone.module:half_price"),))
    target = store(replace(world, kernels=lost), tmp_path / "lost")
    with pytest.raises(OutputError, match=r"gone.module:half_price.*kernels=replace_steps"):
        read_world(target)
    assert read_world(target, kernels=own).kernels is own


def half_price(offer):
    """Half of what the law asks."""
    return 0.5 * math.exp(offer.log_price)


def test_the_manifest_names_every_file_with_its_rows_and_checksum(world, stored):
    manifest = json.loads((stored / MANIFEST).read_text())
    written = {path.relative_to(stored).as_posix() for path in stored.rglob("*") if path.is_file()} - {MANIFEST}
    assert set(manifest["files"]) == written
    assert manifest["seed"] == 7
    assert manifest["files"]["users.parquet"]["rows"] == world.users.num_rows
    assert (
        sum(e["rows"] for name, e in manifest["files"].items() if name.startswith("events/")) == world.events.num_rows
    )


def test_the_same_world_is_the_same_bytes(world, stored, tmp_path):
    again = store(world, tmp_path / "again")
    one, other = (json.loads((folder / MANIFEST).read_text())["files"] for folder in (stored, again))
    assert one == other


def test_events_are_partitioned_by_blocks_of_people(stored):
    assert [path.name for path in sorted((stored / "events").iterdir())] == ["part-00000.parquet"]
    assert PARTITION_USERS > 3_060


@pytest.mark.parametrize("way", ["kept in memory", "lived by blocks"])
def test_the_bytes_of_events_do_not_depend_on_where_a_log_was_cut(world, tmp_path, way):
    """Engines and blocks cut columns each their own way; Parquet's pages would follow the cuts of a large log."""
    rows = -(-400_000 // world.events.num_rows)
    many = pa.concat_tables([world.events] * rows).sort_by("user_id").combine_chunks()
    whole = many.set_column(2, EVENT_SCHEMA.field("time"), pa.array(np.arange(len(many)) / 7.0)).cast(EVENT_SCHEMA)
    cut = pa.concat_tables([whole.slice(first, 16_384) for first in range(0, len(whole), 16_384)])
    found = []
    for number, log in enumerate((whole, cut)):
        part = tmp_path / f"{number}" / "events" / "part-00000.parquet"
        if way == "kept in memory":
            store(replace(world, events=log), tmp_path / f"{number}")
        else:
            part.parent.mkdir(parents=True)
            with RowGroups(part) as file:
                for batch in log.to_batches():
                    file.write(pa.Table.from_batches([batch]))
        found.append(part.read_bytes())
    assert found[0] == found[1]


def test_a_changed_byte_is_found(world, tmp_path):
    target = store(world, tmp_path / "w")
    part = target / "events" / "part-00000.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(bytes(content))
    with pytest.raises(OutputError, match=r"part-00000\.parquet: does not match its checksum"):
        read_world(target, verify=True)


@pytest.mark.parametrize("lost", ["users.parquet", "timeline.parquet", "events/part-00000.parquet"])
def test_a_world_that_lacks_a_table_is_refused_in_words(world, tmp_path, lost):
    target = store(world, tmp_path / "w")
    (target / lost).unlink()
    with pytest.raises(OutputError, match=f"lacks {lost.split('part')[0]}; simulate the world again"):
        read_world(target)


def test_what_fails_half_way_leaves_nothing_behind(world, tmp_path):
    target = tmp_path / "w"

    def fail_half_way():
        with whole_folder(target) as folder:
            write_world(world, folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_folder_is_no_result(tmp_path):
    with pytest.raises(OutputError, match="not a finished result"):
        read_world(tmp_path)


def test_results_are_replaced_only_on_demand(world, stored, tmp_path):
    target = store(world, tmp_path / "w")
    with pytest.raises(OutputError, match="exists already; --force"), whole_folder(target):
        pass
    before = (target / "manifest.json").stat().st_mtime_ns
    store(world, target, force=True)
    assert (target / "manifest.json").stat().st_mtime_ns > before
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_force_never_removes_a_stranger_s_file_among_results(world, tmp_path):
    target = store(world, tmp_path / "w")
    (target / "notes.md").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.md is not a result of cpalab"), whole_folder(target, force=True):
        pass
    assert (target / "notes.md").read_text() == "mine"


def test_the_fingerprint_sees_content_not_layout(world):
    events = world.events
    assert fingerprint(events.combine_chunks()) == fingerprint(events)
    assert fingerprint(events.slice(0, events.num_rows - 1)) != fingerprint(events)
