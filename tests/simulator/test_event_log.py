"""The event log in files: read piece by piece, it answers as the table does."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from simulator.event_log import StoredEvents, codes, gathered_events, is_kind, people_in, pieces, rows_in
from simulator.record.rates import measure_rates
from simulator.record.record import record
from simulator.storage import fingerprint


@pytest.fixture
def stored(world, tmp_path):
    """The world with its log in three files of several row groups."""
    edges = [0, world.events.num_rows // 3, world.events.num_rows // 2, world.events.num_rows]
    parts = []
    for number in range(3):
        parts.append(tmp_path / f"part-{number}.parquet")
        piece = world.events.slice(edges[number], edges[number + 1] - edges[number])
        pq.write_table(piece, parts[-1], row_group_size=4_000)
    return replace(world, events=StoredEvents(tuple(parts)))


def is_read_whole(world):
    return "table" in vars(vars(world)["events"])


def test_questions_are_answered_alike_and_nobody_reads_the_whole_log(world, stored):
    assert rows_in(stored) == rows_in(world)
    assert stored.summary() == world.summary()
    assert stored.to_frame().equals(world.to_frame())
    assert fingerprint(stored.orders()) == fingerprint(world.orders())
    assert fingerprint(stored.reported_events()) == fingerprint(world.reported_events())
    assert fingerprint(people_in(stored, 900, 2_100)) == fingerprint(people_in(world, 900, 2_100))
    for found, wanted in ((record(stored), record(world)),):
        assert found.claims.to_pandas().equals(wanted.claims.to_pandas())
        assert found.sessions.equals(wanted.sessions)
        assert (found.cost_micros, found.billing_micros) == (wanted.cost_micros, wanted.billing_micros)
    one, other = measure_rates(stored, record(stored)), measure_rates(world, record(world))
    assert (one.visits_per_order, one.view, one.between(0.2, 0.7)) == (
        other.visits_per_order,
        other.view,
        other.between(0.2, 0.7),
    )
    assert not is_read_whole(stored)


def test_who_asks_for_the_log_gets_the_table(world, stored):
    assert fingerprint(stored.events) == fingerprint(world.events)
    assert is_read_whole(stored)
    assert fingerprint(people_in(stored, 5, 50)) == fingerprint(people_in(world, 5, 50))
    assert len(list(pieces(stored))) == 1


def test_pieces_hold_a_row_group_and_the_columns_asked_for(stored):
    found = list(pieces(stored, ["kind", "time"]))
    assert max(piece.num_rows for piece in found) <= 4_000
    assert {tuple(piece.column_names) for piece in found} == {("kind", "time")}


def test_what_nobody_did_is_a_log_without_rows(world, stored):
    for lived in (world, stored, replace(world, events=StoredEvents(()))):
        none = gathered_events(lived, lambda piece: is_kind(piece, "no such kind"), ["user_id", "kind"])
        assert (none.num_rows, none.column_names) == (0, ["user_id", "kind"])


def test_words_are_told_apart_by_their_codes(world):
    kinds = world.events["kind"]
    assert (codes(kinds, ("click",)) == 0).sum() == sum(kind == "click" for kind in kinds.to_pylist())
