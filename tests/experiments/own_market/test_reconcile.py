"""Reconcile: parts of gaps that add up, bugs that no usual cause explains, and the figure that would tell."""

import math

import pytest

from cpalab.refusal import Refused
from experiments.own_market.gap_causes import BUGS, CAUSES, RATES
from experiments.own_market.reconcile import ClaimedFigures, Reconciliation, reconcile

USUAL = ClaimedFigures("search", 120, 90, 100)


def parts(found: Reconciliation, compared: str) -> dict[str, float]:
    return {row.cause: row.middle for row in found.causes if row.compared == compared}


def test_the_parts_of_each_gap_add_up_to_it() -> None:
    found = reconcile([USUAL])
    assert sum(parts(found, "platform - crm").values()) == pytest.approx(20)
    assert sum(parts(found, "analytics - crm").values()) == pytest.approx(-10)
    assert sum(row.share for row in found.causes if row.compared == "analytics - crm") == pytest.approx(1)


def test_ranges_hold_their_middles_and_causes_keep_their_sign() -> None:
    for row in reconcile([USUAL]).causes:
        assert row.lower <= row.middle <= row.upper
        if row.cause in ("views", "double claims", "modelled"):
            assert row.lower >= 0
        if row.cause == "consent":
            assert row.upper <= 0


def test_usual_figures_are_normal_where_the_thumb_rule_cries_wolf() -> None:
    """A third between platform and analytics, over the 20 % of the thumb rule."""
    found = reconcile([USUAL]).verdict("search")
    assert found.word == "normal"
    assert found.probability > 0.7


@pytest.mark.parametrize(
    ("platform", "analytics", "crm", "likeliest"),
    [
        (110, 4000, 100, {"wrong_trigger"}),  # a page view counts as an order
        (20, 90, 100, {"click_id_stripped", "missing_linker"}),  # only the platform lost nearly all
        (130, 12, 100, {"utm_lost", "gateway_referral", "tag_outage"}),  # analytics did
    ],
)
def test_a_bug_that_no_usual_cause_explains_is_named(
    platform: float, analytics: float, crm: float, likeliest: set[str]
) -> None:
    found = reconcile([ClaimedFigures("x", platform * 10, analytics * 10, crm * 10)]).verdict("x")
    assert found.word == "bug"
    assert found.likeliest in likeliest


def test_what_is_known_narrows_the_parts() -> None:
    wide = next(r for r in reconcile([USUAL]).causes if r.cause == "consent")
    narrow = next(r for r in reconcile([USUAL], rates={"consent": 0.6}).causes if r.cause == "consent")
    assert narrow.upper - narrow.lower < 0.2 * (wide.upper - wide.lower)


def test_views_known_make_a_retargeting_channel_normal() -> None:
    """Six platform conversions per order, four fifths of them after views: found in the simulated shop."""
    figures = ClaimedFigures("retargeting", 630, 69, 96, {"view": 0.79})
    assert reconcile([figures]).verdict("retargeting").bug < 0.3
    assert reconcile([ClaimedFigures("retargeting", 630, 69, 96, {"view": 0.0})]).verdict("retargeting").word == "bug"


def test_a_fault_of_one_channel_stands_out_among_its_likes() -> None:
    others = [ClaimedFigures(f"c{i}", 1200, 900, 1000) for i in range(5)]
    found = reconcile([*others, ClaimedFigures("broken", 1200, 450, 1000)])
    assert found.verdicts[0].channel == "broken"
    alone = reconcile([ClaimedFigures("broken", 1200, 450, 1000)])
    assert found.verdict("broken").bug > alone.verdict("broken").bug + 0.2
    assert all(found.verdict(f"c{i}").bug < 0.5 for i in range(5))


def test_all_orders_have_no_source_to_lose() -> None:
    found = reconcile([ClaimedFigures("shop", 1500, 800, 1000)], scope="orders")
    assert {"sources", "cookies", "source missing", "gateway"}.isdisjoint(row.cause for row in found.causes)


def test_too_few_actions_are_not_judged() -> None:
    found = reconcile([ClaimedFigures("tiny", 5, 3, 4), USUAL])
    assert found.verdict("tiny").word == "cannot tell"
    assert found.verdict("search").judged
    assert math.isnan(reconcile([ClaimedFigures("tiny", 5, 3, 4)]).bug)


def test_the_question_it_asks_is_one_of_a_known_cause_and_tells_something() -> None:
    found = reconcile([ClaimedFigures("x", 400, 900, 1000)])
    assert found.ask in CAUSES.values()
    assert 0 < found.told <= 1


def test_every_bug_belongs_to_a_known_cause_and_every_range_rises() -> None:
    assert {cause for cause, _ in BUGS.values()} <= set(CAUSES)
    assert all(low <= middle <= high for low, middle, high in RATES.values())


def test_all_that_is_wrong_is_said_at_once() -> None:
    figures = [ClaimedFigures("a", -1, 2), ClaimedFigures("a", 5), ClaimedFigures("b", 1, 2, 3, {"view": 1.5})]
    with pytest.raises(Refused) as refused:
        reconcile(figures, days=0, rates={"consnt": 0.5, "utm": (0.4, 0.2)})
    said = "\n".join(refused.value.lines)
    for word in (
        "days",
        "a: stands there twice",
        "a: platform",
        "at least two systems",
        "did you mean consent",
        "utm",
        "b: rate view",
    ):
        assert word in said
