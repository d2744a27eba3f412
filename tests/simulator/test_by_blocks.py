"""Worlds made by blocks: the board first, sizes of memory, and which events are kept."""

from types import SimpleNamespace

import numpy as np
import pytest

from cpalab.refusal import ScenarioError
from simulator.by_blocks import EVENTS_KEPT, Memory, live, reduction, settle
from simulator.engines.cohort import state_arrays
from simulator.engines.mapped_people import bytes_per_person, map_people
from simulator.engines.replacement import DEFAULT_KERNELS
from simulator.event_log import rows_in
from simulator.playing import Workroom
from simulator.population import build_population, everyone
from simulator.storage import fingerprint


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4e9), ("512mb", 512e6), ("1.5 GiB", 1.5 * 2**30), ("2000000000", 2e9), ("3g", 3e9), ("7 B", 7.0)],
)
def test_a_size_is_read_as_people_write_it(text, size):
    assert Memory.of(text).bytes == size


@pytest.mark.parametrize("text", ["", "much", "4 XB", "-1GB", "0GB", "GB", "1e9", "4GB2"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ScenarioError, match=r"--memory: .* must be a size; write it as 4GB or 512MB"):
        Memory.of(text)


def test_too_little_is_refused_before_any_work_with_what_it_takes(world):
    with pytest.raises(ScenarioError, match=r"--memory: 0.2 GB is too little: 3,060 people on 2 threads take about"):
        Memory.of("200MB").check(world.scenario, 2)
    Memory.of("1GB").check(world.scenario, 2)
    Memory().check(world.scenario, 64)


def test_people_go_to_files_where_they_would_fill_half_of_the_memory(world):
    width = bytes_per_person(world.law, world.names)
    state = everyone(world.scenario) * width
    assert not Memory().maps_people(world.scenario)
    assert not Memory(500e6 + 2.1 * state).maps_people(world.scenario)
    assert Memory(500e6 + 1.9 * state).maps_people(world.scenario)


@pytest.mark.parametrize(("rows", "bounds", "held"), [
    (20_000_000, None, True),
    (20_000_001, None, False),
    (10_000_000, 2e9, True),
    (13_000_000, 2e9, False),
])  # fmt: skip
def test_a_log_is_read_at_once_where_it_leaves_room_for_everything_else(rows, bounds, held):
    assert Memory(bounds).holds(SimpleNamespace(num_rows=rows), people=100_000) is held


def test_people_in_files_are_those_in_memory(world, tmp_path):
    whole = build_population(world.scenario, world.law, world.names)
    mapped = map_people(world.scenario, world.law, world.names, tmp_path)
    mapped.forget(0, everyone(world.scenario))
    assert list(tmp_path.iterdir()) == []  # their files go with the process
    assert mapped.population.people.tobytes() == whole.people.tobytes()
    for there, here in zip(state_arrays(mapped.population), state_arrays(whole), strict=True):
        assert there.tobytes() == here.tobytes()
    stored = whole.people.nbytes + sum(array.nbytes for array in state_arrays(whole))
    assert stored == everyone(world.scenario) * bytes_per_person(world.law, world.names)


def test_the_market_alone_publishes_the_board_of_the_world(world, tmp_path):
    settled = settle(world.scenario, DEFAULT_KERNELS, Workroom(tmp_path))
    assert rows_in(settled) == 0
    assert settled.market.equals(world.market)
    assert settled.users.equals(world.users)
    assert all(np.array_equal(now, was) for now, was in zip(settled.board, world.board, strict=True))
    events = live(settled, tmp_path / "events", tmp_path / "twins", threads=2)
    assert fingerprint(events.table) == fingerprint(world.events)


def test_events_are_reduced_to_those_kept(world):
    events = world.events
    assert reduction("all") is None
    kept = {kept: reduction(kept)(events) for kept in EVENTS_KEPT if kept != "all"}
    assert kept["none"].num_rows == 0
    assert set(kept["orders"]["kind"].unique().to_pylist()) == {"conversion", "qualified", "closed", "refund"}
    assert kept["orders"].num_rows == sum(
        kind in ("conversion", "qualified", "closed", "refund") for kind in events["kind"].to_pylist()
    )
    people = set(kept["sample"]["user_id"].to_pylist())
    assert people == {user for user in events["user_id"].to_pylist() if user % 100 == 0}
