"""Playing with processes: one world whatever the engine, its twins real re-runs, and carried wherever the world goes."""

import json

import numpy as np
import pyarrow.compute as pc
import pytest

from cpalab.refusal import ScenarioError
from experiments.truth.effects import TwinChange, measure_truth, orders_of, twin_lives
from simulator.market.market import no_change
from simulator.market.processes.registry import Acting
from simulator.playing import Running
from simulator.scenario.loading import load_scenario
from simulator.scenario.timeline import versions
from simulator.storage import fingerprint, read_world, write_manifest, write_world
from simulator.world import events_of, live_again, market_table, simulate, simulate_again

TABLES = ("events", "market", "timeline")


def bid_bot(market):
    """Bids more where the platform reports conversions below 20, less where above."""
    while True:
        yield market.timeout(1)
        for campaign in ("social.prospecting", "brand_search.exact"):
            cpa = market.cost_per_conversion("platform", campaign, days=5)
            if cpa > 0:
                market.set_bid(campaign, market.bid(campaign) * (1.2 if cpa < 20 else 0.8))


def restless(market):
    """Acts between ticks, on all that can be seen, and by every act there is."""
    while True:
        yield market.timeout(0.7) | market.published
        if market.clicks("brand_search", days=2) > market.clicks("social", days=2):
            market.pause("social.retargeting")
        else:
            market.resume("social.retargeting")
        spent = market.spend("social.prospecting", days=1)
        market.set_daily_budget("social.prospecting", 4.0 + spent / 2)
        market.set_audience("brand_search.form", "visitors" if market.conversions("crm", days=1) > 20 else "everyone")
        on_air = market.creatives("social.prospecting")["a"]
        (market.retire if on_air else market.launch)("social.prospecting", "a")


@pytest.fixture(scope="module")
def scenario(scenario):
    """A smaller market yet."""
    return load_scenario(scenario.model_dump(), {"run.days": 8.0, "run.users": 1200})


@pytest.fixture(scope="module")
def world(scenario):
    """What became of it with the bot at work."""
    return simulate(scenario, processes=[bid_bot])


def prints(world):
    return {name: fingerprint(getattr(world, name)) for name in TABLES}


# ---------------------------------------------------------------- one world


@pytest.mark.parametrize("processes", [[bid_bot], [restless, bid_bot]], ids=["daily", "between ticks"])
def test_with_processes_agents_and_cohort_give_the_same_bytes_whatever_the_threads(scenario, processes):
    cohort = simulate(scenario, processes=processes, threads=2, block_users=700)
    agents = simulate(scenario, processes=processes, engine="agents")
    assert prints(cohort) == prints(agents)
    assert len(cohort.scenario.timeline) > 5


def test_they_do_where_the_market_ticks_by_the_hour(market):
    hourly = load_scenario(market, {"run.days": 2.0, "run.tick_hours": 1.0, "run.users": 300})
    one = simulate(hourly, processes=[restless, bid_bot])
    assert prints(one) == prints(simulate(hourly, processes=[restless, bid_bot], engine="agents"))


def test_a_process_that_only_watches_changes_nothing(scenario):
    def watcher(market):
        while True:
            yield market.timeout(0.9)
            market.conversions("analytics", days=3)
            market.oracle.orders()

    watched, alone = simulate(scenario, processes=[watcher]), simulate(scenario)
    for name in ("events", "market"):
        assert fingerprint(getattr(watched, name)) == fingerprint(getattr(alone, name))
    assert alone.timeline.column_names == ["day", "path", "value", "note"]


def test_what_a_bot_does_changes_what_people_do(scenario, world):
    assert fingerprint(world.events) != fingerprint(simulate(scenario).events)
    assert {change.author for change in world.scenario.timeline if change.author} == {"bid_bot"}


# ---------------------------------------------------------------- twins


def test_the_world_s_law_is_that_of_its_timeline_and_its_people_live_again_by_it(world):
    assert len(versions(world.scenario)) == len(world.law.rules)
    assert fingerprint(live_again(world, world.board)) == fingerprint(world.events)


def test_what_processes_did_can_be_replayed_as_dated_changes(world):
    """Without the bot, the scenario with its acts on the timeline is the same world: budgets see the same spend."""
    again = simulate(world.scenario)
    assert fingerprint(again.events) == fingerprint(world.events)


def test_held_truth_replays_the_acts(world):
    """A twin without social's ads lives on the board of the world that happened, the bot's bids included."""
    k = world.names.channels.index("social")
    (life,) = twin_lives(world, [TwinChange(off=1 << k)], "held")
    mine = [c for c, placed in enumerate(world.names.campaigns) if placed.channel == "social"]
    reported = world.board.starts[:-1] >= 0.0
    throttle = world.board.throttle.copy()
    throttle[np.ix_(reported, mine)] = 0.0
    real = live_again(world, world.board._replace(throttle=throttle))
    assert_same_orders(life, real)
    effect = next(e for e in measure_truth(world).effects if (e.channel, e.estimand) == ("social", "average"))
    assert effect.incremental_conversions == orders_of(world).order_id.size - ordered(real).size


def test_free_truth_runs_the_bot_again_on_what_it_then_sees(scenario, world):
    """A twin without video's ads is the run of a scenario that pauses them on day 0, with the bot at work."""
    k = world.names.channels.index("video")
    (life,) = twin_lives(world, [TwinChange(off=1 << k)], "free")
    paused = {"day": 0.0, "set": {"channels.video.campaigns.launch.paused": True}}
    tables = scenario.model_dump()
    real = simulate(load_scenario(tables | {"timeline": [*tables["timeline"], paused]}), processes=[bid_bot])
    assert_same_orders(life, real.events)
    (unchanged,) = twin_lives(world, [TwinChange()], "free")
    assert_same_orders(unchanged, world.events)


def ordered(events):
    """The numbers of all orders from day 0 on, in order."""
    kept = pc.and_(pc.equal(events["kind"].cast("string"), "conversion"), pc.greater_equal(events["time"], 0.0))
    return np.sort(events.filter(kept)["order_id"].to_numpy())


def assert_same_orders(life, events):
    """Of the people who live apart in the twin world, from the session on in which they part."""
    real = ordered(events)
    parted = life.parted[real >> 32]
    expected = real[(parted >= 0) & ((real & 0xFFFFFFFF) >= parted)]
    assert life.orders.order_id.tolist() == expected.tolist()
    assert len(expected) > 20


# ---------------------------------------------------------------- carried along


def stored(world, tmp_path):
    folder = tmp_path / "world"
    folder.mkdir()
    write_world(world, folder)
    write_manifest(folder, world.scenario)
    return folder


BOT_FILE = """
def bot(market, step=1.1):
    while True:
        yield market.timeout(1)
        market.set_bid("video", market.bid("video") * step)
"""


def test_a_stored_world_has_its_acts_and_its_bot(scenario, tmp_path):
    file = tmp_path / "bots.py"
    file.write_text(BOT_FILE)
    world = simulate(scenario, processes=[f"{file}:bot(step=1.3)"])
    back = read_world(stored(world, tmp_path))
    assert back.scenario == world.scenario
    assert prints(back) == prints(world)
    assert fingerprint(live_again(back, back.board)) == fingerprint(world.events)
    again = simulate_again(back, back.scenario)
    assert prints(again) == prints(world)
    assert [acting.author for acting in back.acting] == ["bot"]


def test_a_bot_that_is_not_found_again_is_missed_only_where_it_has_to_act(world, tmp_path):
    folder = stored(world, tmp_path)
    places = json.loads((folder / "processes.json").read_text())
    (folder / "processes.json").write_text(json.dumps({"bid_bot": "no_such_module:bid_bot"}))
    back = read_world(folder)
    assert twin_lives(back, [TwinChange(off=1)], "held")
    with pytest.raises(ScenarioError, match=r"processes\.bid_bot: acted in the world of .* and is not found again"):
        twin_lives(back, [TwinChange(off=1)], "free")
    given = read_world(folder, processes=[bid_bot])
    assert fingerprint(simulate_again(given, given.scenario).events) == fingerprint(world.events)
    assert list(places) == ["bid_bot"]


def test_a_scenario_can_declare_its_processes(market, tmp_path):
    file = tmp_path / "bots.py"
    file.write_text(BOT_FILE)
    market["processes"] = {"eager": {"use": f"{file}:bot", "step": 1.5}}
    declared = load_scenario(market, {"run.days": 4.0, "run.users": 500})
    world = simulate(declared)
    changes = [change for change in world.scenario.timeline if change.author]
    assert [(change.author, change.day) for change in changes] == [("eager", 2.0), ("eager", 3.0), ("eager", 4.0)]
    bids = [change.set["channels.video.campaigns.launch.bid"] for change in changes]
    assert bids == pytest.approx([9.0 * 1.5, 9.0 * 1.5**2, 9.0 * 1.5**3])
    assert load_scenario(market, {"processes.eager.step": 1.0}).processes["eager"].parameters() == {"step": 1.0}


def test_what_is_wrong_with_declared_processes_is_said_at_once(market):
    market["processes"] = {
        "one": {"use": "no_such_module:bot"},
        "two": {"use": "tests.nothing"},
    }
    with pytest.raises(ScenarioError) as caught:
        simulate(load_scenario(market))
    said = caught.value.lines
    assert said[0].startswith("processes.one.use: 'no_such_module:bot' cannot be loaded")
    assert said[1].startswith("processes.two.use: 'tests.nothing' is unknown")
    assert len(said) == 2


def test_blocks_of_people_can_go_back_to_a_moment(scenario):
    """What was lived meanwhile has not happened: the run ends as if nobody had looked ahead."""

    def looks_ahead(market):
        yield market.timeout(3)
        people = running.people
        moment = people.remember()
        people.run_tick(6.0)
        people.go_back(moment)

    acting = Acting("looks_ahead", looks_ahead)
    running = Running(scenario, no_change(), processes=(acting,), block_users=500)
    running.run()
    alone = simulate(scenario)
    assert fingerprint(events_of(running.people, running.names)) == fingerprint(alone.events)
    assert fingerprint(market_table(running.market.reports)) == fingerprint(alone.market)
