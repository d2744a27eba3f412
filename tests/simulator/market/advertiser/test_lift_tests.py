"""A lift test that a process begins: prepared on the shelf, run on the days it says, read like a scheduled one."""

import numpy as np
import pytest

from cpalab.refusal import ScenarioError
from experiments.designs.users.scenario_holdouts import holdout_tests
from experiments.truth.effects import measure_truth
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

PLACE = "channels.social.holdout"
SHELVED = {f"{PLACE}.shelved": True, f"{PLACE}.share": 0.5}


def lift_tester(market):
    """Begins a test of social on day 2, reads it while it runs and once it is over."""
    yield market.timeout(2)
    market.begin_lift_test("social", days=3)
    yield market.timeout(2)
    lift_tester.found = [market.lift_test("social")]
    yield market.timeout(2.5)
    lift_tester.found.append(market.lift_test("social"))


@pytest.fixture
def begun(market):
    return simulate(load_scenario(market, SHELVED), processes=[lift_tester])


def test_it_runs_and_reads_like_a_test_on_the_same_days(market, begun):
    first = float(begun.market["day"].to_numpy()[np.searchsorted(begun.market["day"].to_numpy(), 2.0, side="right")])
    days = {f"{PLACE}.share": 0.5, f"{PLACE}.start_day": first, f"{PLACE}.end_day": first + 3}
    scheduled = simulate(load_scenario(market, days))
    assert begun.events.equals(scheduled.events)
    assert holdout_tests(begun) == holdout_tests(scheduled)
    for feedback in ("held", "free"):
        mine, theirs = (measure_truth(world, feedback=feedback).to_frame() for world in (begun, scheduled))
        assert mine.equals(theirs)


def test_the_advertiser_reads_both_arms_while_it_runs_and_when_it_is_over(begun):
    running, over = lift_tester.found
    assert (running.finished, over.finished) == (False, True)
    assert over.last_day == running.first_day + 3
    events, users = begun.events.to_pandas(), begun.users.to_pandas()
    held_out = users.loc[~users["robot"] & users["holdout_social"], "user_id"]
    orders = events[(events["kind"] == "conversion") & (events["time"] >= running.first_day)]
    for read, now in ((running, 4.0), (over, 6.5)):
        counted = orders[orders["time"] < now]["user_id"]
        assert read.held_out == len(held_out)
        assert read.held_out_conversions == counted.isin(held_out).sum()
        assert read.conversions + read.held_out_conversions == len(counted)
        assert read.incremental_conversions == pytest.approx(
            read.conversions - read.held_out_conversions / read.held_out * read.people
        )


def test_a_test_left_on_the_shelf_withholds_nothing_and_is_not_read(market):
    left = simulate(load_scenario(market, SHELVED))
    assert holdout_tests(left)["social"] is None
    assert left.events.equals(simulate(load_scenario(market, {f"{PLACE}.share": 0.0})).events)


@pytest.mark.parametrize(
    ("changes", "act", "message"),
    [
        ({}, lambda desk: desk.begin_lift_test("social", 3), "channels.social.holdout: is not on the shelf"),
        (SHELVED, lambda desk: desk.begin_lift_test("socail", 3), "did you mean social?"),
        (SHELVED, lambda desk: desk.begin_lift_test("social", 0), "days: 0 must be a number above 0"),
        ({**SHELVED, f"{PLACE}.share": 0.0}, lambda desk: desk.begin_lift_test("social", 3), "holds nobody out"),
        (SHELVED, lambda desk: [desk.begin_lift_test("social", 3) for _ in "ab"], "is not on the shelf"),
        (SHELVED, lambda desk: desk.lift_test("social"), "has not begun"),
        (SHELVED, lambda desk: desk.lift_test("organic"), "is no channel with ads"),
        (
            {**SHELVED, f"{PLACE}.assignment": "cookie", f"{PLACE}.design": "intention_to_treat"},
            lambda desk: desk.lift_test("social"),
            "assigns cookies: it can be read once the market has ended",
        ),
    ],
)
def test_what_cannot_be_begun_or_read_is_refused_in_words(market, changes, act, message):
    def process(desk):
        yield desk.timeout(2)
        act(desk)

    with pytest.raises(ScenarioError) as caught:
        simulate(load_scenario(market, changes), processes=[process])
    assert message in "\n".join(caught.value.lines)
