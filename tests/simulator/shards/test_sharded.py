"""People in shards: however many, wherever kept and whatever is lost, the market and its orders are those of one thread."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cpalab.refusal import ScenarioError
from simulator.by_blocks import live, settle
from simulator.engines.checkpoints import WarmUp
from simulator.engines.replacement import DEFAULT_KERNELS
from simulator.market.market import no_change, variants
from simulator.playing import Workroom, play
from simulator.scenario.loading import load_scenario
from simulator.shards import shard
from simulator.shards.workers import Threads
from simulator.storage import fingerprint


class Forgetful(Threads):
    """Threads that now and then lose every shard they keep, as workers do that are killed."""

    def __init__(self, size, every):
        super().__init__(size)
        self.every, self.called = every, 0

    def run(self, task, items, *, homes=None):
        self.called += 1
        if items and self.called % self.every == 0:
            shard._kept.clear()
        yield from super().run(task, items, homes=homes)


def found(played):
    """All that a market leaves, as bytes."""
    rows = [np.ascontiguousarray(rows) for rows in played.engine.take_rows()]
    return (
        [np.asarray(column).tobytes() for column in played.board],
        played.reports,
        np.concatenate(rows).tobytes(),
    )


@pytest.fixture(scope="module")
def whole(scenario):
    return found(play(scenario, no_change(), kept="orders"))


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_any_number_of_shards_is_one_market(scenario, whole, tmp_path, shards):
    assert found(play(scenario, no_change(), kept="orders", room=Workroom(tmp_path, workers=Threads(shards)))) == whole


def test_no_shard_is_empty_where_there_are_fewer_people():
    made = shard.recipes("a", None, None, 3, 7, "nothing", (), False)
    assert [(one.first, one.last) for one in made] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("mapped", [False, True], ids=["in memory", "in files"])
@pytest.mark.parametrize("seconds", [0.0, 1e9], ids=["from checkpoints", "from birth"])
def test_lost_shards_are_made_anew(unlimited_market, tmp_path, mapped, seconds):
    scenario = load_scenario(unlimited_market)
    workers = Forgetful(3, every=2)
    room = Workroom(tmp_path, mapped, seconds, workers)
    assert found(play(scenario, no_change(), kept="orders", room=room)) == found(
        play(scenario, no_change(), kept="orders")
    )
    assert workers.called > 4


@settings(max_examples=4, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), shards=st.integers(1, 4), every=st.integers(1, 9), mapped=st.booleans())
def test_any_market_in_any_shards_is_the_same(tmp_path_factory, markets, data, shards, every, mapped):
    scenario = load_scenario(data.draw(markets))
    room = Workroom(tmp_path_factory.mktemp("room"), mapped, 0.0, Forgetful(shards, every))
    assert found(play(scenario, no_change(), kept="orders", room=room)) == found(
        play(scenario, no_change(), kept="orders")
    )


def test_while_no_budget_binds_a_round_lives_many_ticks(unlimited_market, tmp_path):
    unlimited_market["run"]["tick_hours"] = 3.0
    scenario = load_scenario(unlimited_market)
    played = play(scenario, no_change(), room=Workroom(tmp_path, workers=Threads(2)))
    assert len(played.board.starts) - 1 == 25 * 8
    assert played.engine.rounds <= 10


def test_where_a_budget_binds_each_tick_has_its_round(market, tmp_path):
    market["channels"]["social"]["campaigns"]["prospecting"] |= {"daily_budget": 2.0, "end_day": 9.0}
    played = play(load_scenario(market), no_change(), room=Workroom(tmp_path, workers=Threads(2)))
    binds = ((played.board.throttle > 0.0) & (played.board.throttle < 1.0)).any(axis=1)
    assert binds.sum() > 8
    assert binds.sum() <= played.engine.rounds < len(binds)


def test_a_stopped_market_goes_on_with_other_workers_or_none(scenario, whole, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(share):
        if share > 0.6:
            raise StoppedError

    with pytest.raises(StoppedError):
        play(scenario, no_change(), kept="orders", room=Workroom(tmp_path, False, 0.0, Threads(2)), progress=stop)
    shard._kept.clear()
    assert len(list(tmp_path.glob("shard-*.bin"))) == 2
    room = Workroom(tmp_path, workers=Threads(2))
    resumed = play(scenario, no_change(), kept="orders", room=room)
    assert resumed.engine.rounds < 12
    assert found(resumed) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["market-end.npz"]
    for room in (Workroom(tmp_path, workers=Threads(3)), Workroom(tmp_path)):
        assert found(play(scenario, no_change(), kept="orders", room=room)) == whole


def test_worlds_share_the_warm_up_of_their_shards(scenario, world, tmp_path, monkeypatch):
    dearer, off = variants(1), variants(1)
    dearer.channel, dearer.log_bid_change = world.names.paid_channels()[0], 0.1
    off.off = 1 << world.names.paid_channels()[1]
    warm_up = WarmUp(tmp_path / "warm-up")
    lived = []
    advance = shard.Shard._live
    monkeypatch.setattr(shard.Shard, "_live", lambda self, until: (lived.append(self.tick), advance(self, until))[1])
    for name, row in (("dearer", dearer), ("off", off)):
        lived.clear()
        room = Workroom(tmp_path / name, workers=Threads(2))
        in_shards = play(scenario, row, kept="orders", room=room, warm_up=warm_up)
        alone = play(scenario, row, kept="orders")
        assert in_shards.reports == alone.reports
        orders = [np.concatenate(list(one.engine.take_rows())) for one in (in_shards, alone)]
        assert orders[0][orders[0]["time"] >= 0.0].tobytes() == orders[1][orders[1]["time"] >= 0.0].tobytes()
    assert min(lived) == world.board.first_tick


def test_a_law_that_workers_would_not_find_is_refused(scenario, tmp_path):
    kernels = DEFAULT_KERNELS._replace(own=(("exposure", "mine:exposure"),))
    with pytest.raises(ScenarioError, match="kernels: exposure = mine:exposure is not the law of the scenario"):
        play(scenario, no_change(), kernels=kernels, room=Workroom(tmp_path, workers=Threads(1)))


def test_lives_of_a_settled_market_are_lived_by_workers_too(world, tmp_path):
    workers = Threads(2)
    settled = settle(world.scenario, DEFAULT_KERNELS, Workroom(tmp_path / "market", workers=workers))
    told = SimpleNamespace(shares=[])
    events = live(settled, tmp_path / "events", tmp_path / "twins", workers=workers, progress=told.shares.append)
    assert fingerprint(events.table) == fingerprint(world.events)
    assert told.shares == [1.0]
