"""Expect: closed forms on a team's own counts, with ranges for what it does not know."""

import math

import pytest

from cpalab.refusal import Refused
from experiments.rollout.check_rollout import AS_EXPECTED, OUTSIDE, check_rollout
from experiments.rollout.expect import RANGES, Expected, TodaysFigure, expect
from experiments.rollout.seen_periods import SeenRow
from simulator.scenario.faults import FAULTS

TODAY = [TodaysFigure("all", system, 10_000.0, 400.0) for system in ("platform", "analytics", "crm")]


def shifts(found: Expected) -> dict[str, tuple[float, float, float]]:
    return {s.system: (s.expected, s.lowest, s.highest) for s in found.shifts}


def test_server_events_lower_the_platforms_cpa_by_the_closed_form() -> None:
    """Pixel coverage .75 and server coverage .95: conversions +31.7 %, CPA −24.1 % (facts on measurement, F5)."""
    found = shifts(expect(TODAY, [("server_side", 0.95)], {"pixel": 0.75, "server": 0.0}))
    assert found["platform"] == pytest.approx((0.7595,) * 3, abs=1e-3)
    assert found["analytics"] == (1.0, 1.0, 1.0)


def test_an_unknown_rate_makes_a_range_and_a_known_one_makes_none() -> None:
    wide = expect(TODAY, [("views_removed", None)])
    assert shifts(wide)["platform"] == pytest.approx((1 / 0.7, 1 / 0.9, 1 / 0.5))
    assert list(wide.assumed) == ["view"]
    assert "view 0.1 to 0.5" in wide.summary()
    narrow = expect(TODAY, [("views_removed", None)], {"view": (0.2, 0.3)})
    assert shifts(narrow)["platform"] == pytest.approx((1 / 0.7, 1 / 0.8, 1 / 0.7))
    known = expect(TODAY, [("views_removed", None)], {"view": 0.25})
    assert shifts(known)["platform"] == pytest.approx((1 / 0.75,) * 3)
    assert not known.assumed


def test_several_changes_multiply() -> None:
    found = shifts(expect(TODAY, [("utm_lost", 0.2), ("gateway_referral", 0.5)]))
    assert found["analytics"][0] == pytest.approx(1 / 0.8 / 0.5)
    assert found["platform"][0] == 1.0


def test_a_teams_own_lag_takes_the_place_of_the_published_one() -> None:
    found = shifts(expect(TODAY, [("shorter_window", 7.0)], {"click_days": 30.0}, [(7.0, 0.5), (30.0, 1.0)]))
    assert found["platform"][0] == pytest.approx(2.0)


def test_the_band_holds_poisson_chance_of_both_periods() -> None:
    figure = TodaysFigure("all", "analytics", 100.0, 100.0)
    (found,) = expect([figure], [("utm_lost", 0.5)]).shifts
    spread = math.exp(1.959964 * math.sqrt(1 / 100 + 1 / 50))
    assert (found.alert_lower, found.alert_upper) == pytest.approx((2 / spread, 2 * spread), rel=1e-6)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_has_an_answer_or_says_that_there_is_none(fault) -> None:
    found = expect(TODAY, [(fault.code, None)])
    for shift in found.shifts:
        assert math.isnan(shift.expected) or 0 < shift.lowest <= shift.expected <= shift.highest
    assert found.summary()
    assert len(found.to_frame()) == 3


def test_everything_wrong_is_said_at_once() -> None:
    rates = {"vew": 0.1, "consent": (0.7, 0.5)}
    with pytest.raises(Refused) as refusal:
        expect([TodaysFigure("all", "plattform", -1.0, 1.0)], [("utm_lots", None), ("utm_lost", 2.0)], rates)
    places = [problem.place for problem in refusal.value.problems]
    assert places == ["rate vew", "rate consent", "fault", "utm_lost", "all · plattform", "all · plattform"]


def test_its_contract_lets_through_what_is_expected_and_stops_what_is_not() -> None:
    contract = expect(TODAY, [("utm_lost", 0.5)]).contract(days=28.0)
    good = SeenRow("all", "analytics", "cpa", 2.0, 400.0, 200.0)
    bad = SeenRow("all", "analytics", "cpa", 1.0, 400.0, 400.0)
    assert check_rollout(contract, [good]).status == AS_EXPECTED
    assert check_rollout(contract, [bad]).status == OUTSIDE


def test_every_range_holds_its_middle() -> None:
    assert all(low <= middle <= high for low, middle, high in RANGES.values())
