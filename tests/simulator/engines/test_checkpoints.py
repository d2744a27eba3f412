"""Checkpoints: a market that is stopped at any tick goes on, and ends as if it had never stopped."""

import numpy as np
import pytest

from simulator.engines.checkpoints import ResumableCohort, WarmUp
from simulator.engines.cohort import Cohort
from simulator.law.log import CONVERSION
from simulator.market.market import no_change, variants
from simulator.playing import Workroom, play
from simulator.world import market_table, simulate


def reported_orders(rows):
    return rows[(rows["kind"] == CONVERSION) & (rows["time"] >= 0.0)].tobytes()


class StoppedError(Exception):
    """The market was stopped here."""


def stop_after(ticks, of):
    def progress(share):
        if share >= ticks / of:
            raise StoppedError

    return progress


@pytest.mark.parametrize("mapped", [False, True], ids=["in memory", "in files"])
def test_a_market_stopped_at_any_tick_goes_on_to_the_same_end(world, tmp_path, mapped):
    ticks = len(world.board.starts) - 1
    room = Workroom(tmp_path, mapped, seconds_between_checkpoints=0.0)
    for stop in (1, 2, ticks // 2, ticks - 1):
        with pytest.raises(StoppedError):
            play(world.scenario, no_change(), kept="orders", room=room, progress=stop_after(stop, ticks))
    played = play(world.scenario, no_change(), kept="orders", room=room)
    assert market_table(played.reports).equals(world.market)
    assert all(np.array_equal(now, was) for now, was in zip(played.board, world.board, strict=True))
    whole = play(world.scenario, no_change(), kept="orders")
    rows = [np.concatenate(list(one.engine.take_rows())).tobytes() for one in (played, whole)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("in_files", [False, True], ids=["in memory", "in files"])
def test_worlds_that_differ_in_the_reported_window_share_one_warm_up(world, tmp_path, monkeypatch, in_files):
    dearer = variants(1)
    dearer.channel, dearer.log_bid_change = world.names.paid_channels()[0], 0.1
    off = variants(1)
    off.off = 1 << world.names.paid_channels()[1]
    apart = [play(world.scenario, row, kept="orders") for row in (dearer, off)]
    lived = []
    run_tick = Cohort.run_tick

    def counted_tick(cohort, until):
        lived.append(until)
        run_tick(cohort, until)

    monkeypatch.setattr(Cohort, "run_tick", counted_tick)
    warm_up = WarmUp(tmp_path / "warm-up" if in_files else None)
    for row, alone in zip((dearer, off), apart, strict=True):
        if in_files:
            warm_up = WarmUp(tmp_path / "warm-up")  # as another process finds it
        shared = play(world.scenario, row, kept="orders", warm_up=warm_up)
        assert market_table(shared.reports).equals(market_table(alone.reports))
        rows, wanted = (np.concatenate(list(one.engine.take_rows())) for one in (shared, alone))
        assert reported_orders(rows) == reported_orders(wanted)
    assert sum(until <= 0.0 for until in lived) == world.board.first_tick


def test_a_market_that_has_ended_is_played_again_without_anybody_living(world, tmp_path, monkeypatch):
    room = Workroom(tmp_path)
    play(world.scenario, no_change(), kept="nothing", room=room)
    assert [path.name for path in tmp_path.iterdir()] == ["market-end.npz"]
    monkeypatch.setattr("simulator.engines.cohort.Cohort.run_tick", None)
    again = play(world.scenario, no_change(), kept="nothing", room=room)
    assert market_table(again.reports).equals(world.market)


def test_only_the_last_checkpoint_is_kept_and_a_half_one_is_none(world, tmp_path):
    ticks = len(world.board.starts) - 1
    room = Workroom(tmp_path, seconds_between_checkpoints=0.0)
    with pytest.raises(StoppedError):
        play(world.scenario, no_change(), kept="nothing", room=room, progress=stop_after(5, ticks))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["market-000005.npz", "state-000005.bin"]
    # Killed while the next one was written: its state is there, what makes it one is not.
    (tmp_path / "state-000006.bin").write_bytes(b"half")
    (tmp_path / "market-000006.npz.part").write_bytes(b"half")
    assert market_table(play(world.scenario, no_change(), kept="nothing", room=room).reports).equals(world.market)


def test_ledgers_alone_make_the_same_market(world, tmp_path):
    scenario = world.scenario.model_copy(update={"run": world.scenario.run.model_copy(update={"seed": 11})})
    played = play(scenario, no_change(), kept="nothing", block_users=500, room=Workroom(tmp_path, True))
    assert market_table(played.reports).equals(simulate(scenario).market)
    assert next(iter(played.engine.take_rows())).size == 0


def test_a_checkpoint_holds_a_ledger_for_every_tick(world, tmp_path):
    room = Workroom(tmp_path)
    played = play(world.scenario, no_change(), kept="nothing", room=room)
    engine = ResumableCohort(replace_ledgers(played.engine), tmp_path)
    assert engine.lived_until == len(world.board.starts) - 1
    assert (engine.ledger()["impressions"] == 0).all()


def replace_ledgers(cohort):
    """The cohort as before its first tick."""
    for block in cohort.blocks:
        for field in block.ledger.dtype.names:
            block.ledger[field] = 0
    return cohort
