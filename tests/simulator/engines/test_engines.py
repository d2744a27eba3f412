"""The engines: one law, one log, whatever advances the population."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.scenario.loading import load_scenario
from simulator.storage import fingerprint
from simulator.world import simulate

PRINT_FINGERPRINT = """
import json, sys
from simulator.scenario.loading import load_scenario
from simulator.storage import fingerprint
from simulator.world import simulate
scenario = load_scenario(json.load(sys.stdin))
print(fingerprint(simulate(scenario, engine=sys.argv[1]).events))
"""


def same_tables(one, other):
    return one.events.equals(other.events) and one.market.equals(other.market) and one.users.equals(other.users)


@pytest.mark.parametrize(
    "how",
    [
        {"engine": "agents"},
        {"threads": 2, "block_users": 500},
        {"threads": 2, "block_users": 20},
        {"block_users": 7},
        {"block_users": 3_060},
        {"block_users": 1_000_000},
    ],
    ids=str,
)
def test_engine_threads_and_blocks_change_nothing(scenario, world, how):
    assert same_tables(simulate(scenario, **how), world)


@given(st.data())
@settings(max_examples=25)
def test_agents_live_the_lives_of_the_cohort_in_any_market(markets, data):
    scenario = load_scenario(data.draw(markets))
    block_users = data.draw(st.integers(1, 200))
    assert same_tables(simulate(scenario, engine="agents"), simulate(scenario, block_users=block_users))


@pytest.mark.parametrize("engine", ["cohort", "agents"])
def test_the_law_in_plain_python_gives_the_same_log(market, engine):
    market["run"] |= {"users": 150, "days": 8.0}
    compiled = fingerprint(simulate(load_scenario(market)).events)
    result = subprocess.run(
        [sys.executable, "-c", PRINT_FINGERPRINT, engine],
        input=json.dumps(market),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == compiled


def test_another_seed_is_another_world(market, world):
    market["run"]["seed"] = 8
    assert not simulate(load_scenario(market)).events.equals(world.events)


def test_a_finer_tick_keeps_every_session_in_place(unlimited_market):
    # Without budgets, seasons and moods the market publishes the same at every tick, so its rhythm cannot matter.
    unlimited_market["market"] = {}
    unlimited_market["need"]["season"] = []
    unlimited_market["timeline"] = []
    unlimited_market["channels"]["social"].pop("creative_half_life_days")
    unlimited_market["channels"]["social"]["campaigns"]["prospecting"].pop("creatives")
    worlds = []
    for tick_hours in (24.0, 12.0, 168.0):
        unlimited_market["channels"]["video"]["holdout"] = {"share": 0.2}
        unlimited_market["channels"]["video"]["campaigns"]["launch"] |= {"start_day": 0.0, "end_day": None}
        unlimited_market["run"]["tick_hours"] = tick_hours
        worlds.append(simulate(load_scenario(unlimited_market)).events)
    assert worlds[0].equals(worlds[1])
    assert worlds[0].equals(worlds[2])
    assert worlds[0].num_rows > 10_000


def test_a_full_buffer_loses_nothing(market, world):
    from simulator.engines import cohort

    rows_per_user = cohort.FIRST_ROWS_PER_USER
    cohort.FIRST_ROWS_PER_USER = 0  # the smallest buffer there is, filled many times over
    try:
        assert simulate(world.scenario).events.equals(world.events)
    finally:
        cohort.FIRST_ROWS_PER_USER = rows_per_user


def test_progress_ends_at_1(market):
    market["run"] |= {"users": 10, "days": 4.5, "warm_up_days": 0, "follow_up_days": 0}
    told = []
    simulate(load_scenario(market), progress=told.append)
    assert told == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_the_largest_seed_is_a_seed_like_any_other():
    import numpy as np

    from simulator.draws import uniforms_at

    seeds = np.array([2**64 - 1, 2**63 - 1], np.uint64)  # a Python int has the type of the first one that was asked for
    assert uniforms_at(seeds[0], 1, 1, 2, 0) != uniforms_at(seeds[1], 1, 1, 2, 0)
