"""Driving: processes are resumed in the reported window, and what is no process, or fails, ends the run in words."""

import pytest

from cpalab.refusal import ScenarioError
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

SMALL = {"run.users": 200, "run.days": 6.0}


def no_generator(market):
    market.set_bid("video", 1.0)


def waits_for_a_number(market):
    yield 1.0


def fails(market):
    yield market.timeout(2)
    raise KeyError("bids")


@pytest.mark.parametrize(
    ("process", "words"),
    [
        (no_generator, "processes.no_generator: NoneType must be a generator; write yield market.timeout"),
        (waits_for_a_number, "waits for something that is no event; write yield market.timeout"),
        (fails, "processes.fails: failed on day 2 (KeyError: 'bids'); see line 22"),
    ],
)
def test_what_is_no_process_or_fails_ends_the_run_in_words(market, process, words):
    with pytest.raises(ScenarioError, match="processes") as caught:
        simulate(load_scenario(market, SMALL), processes=[process])
    assert words in str(caught.value)
    assert caught.value.__cause__ is None or not isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("engine", ["cohort", "agents"])
def test_it_is_resumed_from_day_0_to_the_end_of_the_reported_window(market, engine):
    days = []

    def process(desk):
        while True:
            days.append(desk.day)
            yield desk.timeout(1.5)

    simulate(load_scenario(market, SMALL), engine=engine, processes=[process])
    assert days == [0.0, 1.5, 3.0, 4.5]


@pytest.mark.parametrize("engine", ["cohort", "agents"])
def test_it_can_wait_for_the_market_s_next_tick(market, engine):
    days = []

    def process(desk):
        while True:
            yield desk.published
            days.append((desk.day, desk.impressions(days=1)))

    world = simulate(load_scenario(market, SMALL), engine=engine, processes=[process])
    daily = world.market.to_pandas().groupby("day")["impressions"].sum()
    assert days == [(day, daily[day - 1.0]) for day in (1.0, 2.0, 3.0, 4.0, 5.0)]


def test_of_two_processes_each_signs_its_own_and_equal_names_are_told_apart(market):
    def bot(desk):
        yield desk.timeout(1)
        desk.set_bid("video", desk.bid("video") + 1.0)

    world = simulate(load_scenario(market, SMALL), processes=[bot, bot])
    acts = world.timeline.to_pandas()
    acts = acts[acts["author"] != ""]
    assert list(zip(acts["author"], acts["value"], strict=True)) == [("bot", "10.0"), ("bot 2", "11.0")]
    assert "by author: bot 1, bot 2 1." in world.summary()


def test_what_comes_too_late_to_hold_still_stands_on_the_timeline(market):
    def late(desk):
        yield desk.timeout(5.5)
        desk.set_bid("video", 1.0)

    world = simulate(load_scenario(market, SMALL), processes=[late])
    assert [change.day for change in world.scenario.timeline if change.author] == [6.0]
    bids = world.market.to_pandas().query("campaign == 'launch' and day < 6")["bid"]
    assert set(bids) == {9.0}
