"""The open market: stepped through, looked at and acted in, it becomes the world of an uninterrupted run."""

import math

import pytest

from cpalab.refusal import ScenarioError
from simulator.scenario.loading import load_scenario
from simulator.stepping import open_market
from simulator.storage import fingerprint
from simulator.world import simulate

SMALL = {"run.users": 400, "run.days": 6.0}


def bid_bot(market):
    while True:
        yield market.timeout(1)
        market.set_bid("video", market.bid("video") + market.clicks("social", days=1) / 100.0)


@pytest.mark.parametrize("engine", ["cohort", "agents"])
def test_finished_it_is_the_world_of_an_uninterrupted_run_wherever_one_stopped(market, engine):
    scenario = load_scenario(market, SMALL)
    opened = open_market(scenario, engine=engine, processes=[bid_bot])
    for day in (-3.3, 0.0, 0.0, 2.0, 2.71, 6.0, 7.5):
        opened.run(until=day)
        assert opened.day == day
        opened.spend(days=1)
        opened.person(7)
    world, alone = opened.finish(), simulate(scenario, processes=[bid_bot])
    for table in ("events", "market", "timeline"):
        assert fingerprint(getattr(world, table)) == fingerprint(getattr(alone, table))
    assert opened.finish() is world
    assert world.scenario == alone.scenario


def test_what_is_done_by_hand_holds_from_the_tick_that_is_next_and_is_signed(market):
    opened = open_market(load_scenario(market, SMALL))
    opened.run(until=2)
    opened.set_bid("video", 5.0)
    opened.run(until=3.5)
    opened.pause("brand_search.exact")
    world = opened.finish()
    ticks = world.market.to_pandas().set_index(["campaign", "day"])
    assert ticks["bid"].loc[[("launch", 1.0), ("launch", 2.0)]].tolist() == [9.0, 5.0]
    assert ticks["throttle"].loc[[("exact", 3.0), ("exact", 4.0)]].tolist() == [1.0, 0.0]
    acts = world.timeline.to_pandas().query("author != ''")
    assert (acts["author"].tolist(), acts["day"].tolist()) == (["by hand"] * 2, [2.0, 4.0])
    assert fingerprint(simulate(world.scenario).events) == fingerprint(world.events), "it can be replayed"


def test_a_person_is_shown_as_of_now(market):
    opened = open_market(load_scenario(market, SMALL))
    opened.run(until=1.5)
    early = opened.person(42)
    opened.run(until=5)
    late = opened.person(42)
    world = opened.finish()
    mine = world.events.to_pandas().query("user_id == 42")
    assert late.to_frame()["time"].tolist() == mine[mine["time"] < 5.0]["time"].tolist()
    assert early.to_frame()["time"].tolist() == mine[mine["time"] < 1.5]["time"].tolist()
    assert 0 < early.sessions < late.sessions
    assert early.last_session < 1.5 <= late.last_session < 5.0
    assert late.traits == world.users.slice(42, 1).to_pylist()[0]
    assert sum(late.impressions.values()) >= (late.to_frame()["kind"] == "impression").sum()
    assert set(late.goodwill) == set(world.names.channels)
    assert "Person 42 (" in late.summary()


def test_goodwill_fades_while_nothing_happens_to_a_person(market):
    """Between two looks without a session of theirs: × 2^(-days / half-life)."""
    opened = open_market(load_scenario(market, SMALL))
    opened.run(until=1.0)
    before = {user: opened.person(user) for user in range(40)}
    opened.run(until=1.2)
    pairs = [(before[user], opened.person(user)) for user in before]
    quiet = [(a, b) for a, b in pairs if a.sessions == b.sessions and a.goodwill["social"] > 0.01]
    assert quiet
    for a, b in quiet:
        assert b.goodwill["social"] == pytest.approx(a.goodwill["social"] * 2.0 ** (-0.2 / 7.0))


def test_it_can_be_traced_as_simpy_users_trace(market):
    opened = open_market(load_scenario(market, SMALL), engine="agents")
    steps, step = [], opened.environment.step

    def traced():
        steps.append(opened.environment.peek())
        step()

    opened.environment.step = traced
    opened.run(until=-4.5)
    assert len(steps) > 100
    assert steps == sorted(steps)
    assert steps[-1] == -4.5


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda m: m.run(until=1), "until: 1 must lie between now, day 2, and the end, day 12"),
        (lambda m: m.run(until=13), "until: 13 must lie between now, day 2, and the end, day 12"),
        (lambda m: m.run(until=math.nan), "until: nan must lie between"),
        (lambda m: m.person(5_000), "person: 5000 must be the number of a person, 0 to 407"),
        (lambda m: m.set_bid("video", -2.0), "launch.bid: -2.0 must be greater than or equal to 0"),
        (lambda m: (m.finish(), m.run()), "market: has been finished; its world holds what happened"),
        (lambda m: (m.finish(), m.person(1)), "market: has been finished"),
        (lambda m: (m.run(until=6), m.set_bid("video", 1.0)), "outside of the reported window, day 0 to 6"),
    ],
)  # fmt: skip
def test_what_is_impossible_is_refused_in_words(market, act, words):
    opened = open_market(load_scenario(market, SMALL))
    opened.run(until=2)
    with pytest.raises(ScenarioError) as caught:
        act(opened)
    assert words in str(caught.value)


def test_before_day_0_nothing_can_be_changed(market):
    with pytest.raises(ScenarioError, match="run the market to day 0 first"):
        open_market(load_scenario(market, SMALL)).set_bid("video", 1.0)
