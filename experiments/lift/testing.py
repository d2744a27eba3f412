"""`check_geo_method`: the public conformance suite of geo methods, which every built-in one passes and yours can.

In a test suite, one test per rule:

    from experiments.lift.testing import geo_method_checks

    @pytest.mark.parametrize("check", geo_method_checks(), ids=lambda check: check.__name__)
    def test_my_method_conforms(check):
        check(MyMethod())
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cpalab.refusal import LiftInputError
from experiments.lift.geo.method import GeoMethod, with_pairs
from experiments.lift.geo.panel import GeoExperiment, GeoPanel
from experiments.lift.geo.result import GeoLiftTest

__all__ = ["PAIRS", "check_geo_method", "example_experiment", "geo_method_checks"]

Check = Callable[[GeoMethod], None]

LEVELS = (0.80, 0.90)
PAIR_COUNT = 12
PRE_DAYS, TEST_DAYS = 56, 14
# The suite's pairs of geos of like size, of which the first is treated.
PAIRS = tuple((f"pair {k:02d} a", f"pair {k:02d} b") for k in range(PAIR_COUNT))
PLANTED_LIFT = 0.30
COMMON_SHOCK = 0.50
# Of what a common shock adds to the treated geos, the most that may be taken for lift.
MOST_OF_A_SHOCK = 0.10
PLACEBOS = 100
# A sound method of that level is refused once in ten thousand suites.
FALSE_ALARM = 1e-4
# Searches for the ends of intervals by bisection stop at a 4096th of their width.
RELATIVE_TOLERANCE = 1e-3


def check_geo_method(method: GeoMethod) -> None:
    """Check a geo method against every rule of the contract.

    Args:
        method: any object with `name` and `read(experiment, levels)`. One with a field `pairs` is given those of the suite.

    Raises:
        AssertionError: naming every rule the method breaks, and how.
    """
    broken = []
    for check in geo_method_checks():
        try:
            check(method)
        except Exception as error:  # a method that crashes breaks the rule like one that miscounts
            said = f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
            broken.append(f"{check.__name__}: {(check.__doc__ or '').splitlines()[0]}\n    {said}")
    if broken:
        raise AssertionError(f"{method!r} breaks {len(broken)} rules:\n" + "\n".join(broken))


def geo_method_checks() -> tuple[Check, ...]:
    """Every check of the suite: each takes a method and raises where the method breaks its rule."""
    return (
        reads_a_test_out,
        finds_a_planted_lift,
        common_shocks_do_not_move_the_lift,
        units_change_nothing,
        p_value_and_interval_agree,
        interval_and_price_agree,
        placebos_are_rejected_at_the_level,
        cost_may_be_unknown,
        reading_changes_no_input,
        same_input_same_result,
        too_little_is_refused_in_words,
    )


def reads_a_test_out(method: GeoMethod) -> None:
    """A method has a name, and `read` returns a GeoLiftTest of all treated geos at the levels asked for."""
    _require(isinstance(method.name, str) and method.name != "", f"its name is {method.name!r}")
    experiment = example_experiment()
    test = _read(method, experiment)
    _require(isinstance(test, GeoLiftTest), f"read returned {type(test).__name__}")
    _require(test.levels == LEVELS, f"levels are {test.levels}, not {LEVELS}")
    _require(test.outcome == experiment.outcome, f"the outcome is {test.outcome}, not {experiment.outcome}")
    counted = (test.treated_geos, test.control_geos)
    _require(counted == (PAIR_COUNT, PAIR_COUNT), f"it counts {counted} treated and control geos")
    observed = float(experiment.treated[:, experiment.window].sum())
    _close(test.observed, observed, "baseline and lift together, and the observed response of the window")
    _require(math.isfinite(test.lift.difference), f"the lift is {test.lift.difference}")


def finds_a_planted_lift(method: GeoMethod) -> None:
    """Ads that add 30 % to the treated geos are found: significant, and about as large as they are."""
    clean, planted = example_experiment(), example_experiment(lift=PLANTED_LIFT)
    truth = float(planted.treated.sum() - clean.treated.sum())
    test = _read(method, planted)
    low, high = test.lift.interval(0.90)
    _require(low > 0, f"its 90 % interval of a lift of {truth:z,.0f} is {low:z,.0f} to {high:z,.0f}")
    ratio = test.lift.difference / truth
    _require(0.75 < ratio < 1.25, f"it finds {test.lift.difference:z,.0f} where {truth:z,.0f} were added")


def common_shocks_do_not_move_the_lift(method: GeoMethod) -> None:
    """What happens to all geos alike in the window (half as much again) is not taken for an effect of ads."""
    calm, shocked = example_experiment(), example_experiment(shock=COMMON_SHOCK)
    moved = _read(method, shocked).lift.difference - _read(method, calm).lift.difference
    added = float(shocked.treated.sum() - calm.treated.sum())
    _require(
        abs(moved) <= MOST_OF_A_SHOCK * added,
        f"a shock of {added:z,.0f} in the treated geos moves the lift by {moved:z,.0f}",
    )


def units_change_nothing(method: GeoMethod) -> None:
    """Response counted in thousands, or money in another currency, changes numbers by that factor and p-values not at all."""
    for factor in (1e-3, 1e3):
        plain, scaled = example_experiment(lift=0.1), example_experiment(lift=0.1, response_unit=factor)
        one, other = _read(method, plain), _read(method, scaled)
        _close(other.lift.difference, factor * one.lift.difference, f"lift and lift × {factor:g}")
        _close(other.p_value, one.p_value, f"p-values of response × {factor:g} and response")
        for level in LEVELS:
            for end, expected in zip(other.lift.interval(level), one.lift.interval(level), strict=True):
                _close(end, factor * expected, f"ends of the {level:z.0%} interval × {factor:g}")
        paid = _read(method, example_experiment(lift=0.1, money_unit=factor))
        _close(paid.lift.difference, one.lift.difference, "lift with cost in another currency and lift")
        _close(paid.cost, factor * one.cost, f"cost and cost × {factor:g}")


def p_value_and_interval_agree(method: GeoMethod) -> None:
    """An interval leaves out 0 exactly where p is below 1 − level; wider levels hold narrower ones and the estimate."""
    for lift in (0.0, 0.003, 0.006, 0.01, 0.03, 0.3):
        test = _read(method, example_experiment(lift=lift))
        before = (test.lift.difference, test.lift.difference)
        for level in (0.50, 0.80, 0.90, 0.95):
            low, high = test.lift.interval(level)
            slack = RELATIVE_TOLERANCE * max(abs(test.lift.difference), 1.0)
            _require(
                low <= before[0] + slack and high >= before[1] - slack,
                f"the {level:z.0%} interval {low:z,.1f} to {high:z,.1f} does not hold {before[0]:z,.1f} to {before[1]:z,.1f}",
            )
            before = (low, high)
        _interval_ends_at_zero(test)


def _interval_ends_at_zero(test: GeoLiftTest) -> None:
    """The interval at a level a little below 1 − p leaves out 0, and one a little above holds it."""
    p = test.p_value
    if not 1e-5 < p < 0.45:  # levels of intervals lie between 0.5 and 0.999999
        return
    for level, leaves_out in ((1 - 1.05 * p, True), (1 - 0.95 * p, False)):
        low, high = test.lift.interval(level)
        near = RELATIVE_TOLERANCE * (high - low) if math.isfinite(high - low) else 0.0
        _require(
            (not low <= 0 <= high) == leaves_out or min(abs(low), abs(high)) <= near,
            f"p = {p:z.4g}, but the {level:z.2%} interval is {low:z,.1f} to {high:z,.1f}",
        )


def interval_and_price_agree(method: GeoMethod) -> None:
    """Price × lift = cost; the price has an upper end exactly where the interval of the lift lies above 0."""
    for lift in (0.0, 0.3):
        experiment = example_experiment(lift=lift)
        test = _read(method, experiment)
        _close(test.cost, float(_cost(experiment.panel).sum()), "cost, and what the test spent more than before")
        for level in LEVELS:
            price, (low, high) = test.cost_per_incremental_conversion(level), test.lift.interval(level)
            if test.lift.difference > 0:
                _close(price.point * test.lift.difference, test.cost, "price × lift, and cost")
            _require(
                math.isfinite(price.upper) == (low > 0),
                f"the lift is {low:z,.1f} to {high:z,.1f} at {level:z.0%}, "
                f"the price {price.lower:z,.2f} to {price.upper:z,.2f}",
            )
            if low > 0:
                _require(
                    price.lower <= price.point <= price.upper,
                    f"the price {price.point:z,.2f} is not within {price.lower:z,.2f} to {price.upper:z,.2f}",
                )


def placebos_are_rejected_at_the_level(method: GeoMethod) -> None:
    """Where nothing was done, no more of 100 tests are significant at 10 % than chance allows a sound method."""
    from scipy.stats import binom

    alpha = 0.10
    most = int(binom.isf(FALSE_ALARM, PLACEBOS, alpha))
    rejected = sum(_read(method, example_experiment(seed=1 + k)).p_value <= alpha for k in range(PLACEBOS))
    _require(
        rejected <= most, f"{rejected} of {PLACEBOS} placebos are significant at {alpha:z.0%}; chance allows {most}"
    )


def cost_may_be_unknown(method: GeoMethod) -> None:
    """A table without cost is read too: the lift has its interval, the cost is nan."""
    test = _read(method, example_experiment(lift=PLANTED_LIFT, with_cost=False))
    _require(math.isnan(test.cost), f"the cost is {test.cost}")
    _require(test.lift.interval(0.90)[0] > 0, "a lift of 30 % is not found")


def reading_changes_no_input(method: GeoMethod) -> None:
    """Neither the experiment nor the method is changed by reading."""
    experiment, before, told = example_experiment(), example_experiment(), repr(method)
    _read(method, experiment)
    now, then = experiment.panel, before.panel
    same = np.array_equal(now.response, then.response) and np.array_equal(_cost(now), _cost(then))
    _require(bool(same), "the panel was changed")
    _require(repr(method) == told, f"the method was changed from {told} to {method!r}")


def same_input_same_result(method: GeoMethod) -> None:
    """Reading twice gives the same table, bit for bit: randomness comes from a seed the method holds."""
    first, second = (_read(method, example_experiment(lift=0.05)).to_frame() for _ in range(2))
    _require(bool(first.equals(second)), "two readings differ")


def too_little_is_refused_in_words(method: GeoMethod) -> None:
    """Two geos and four days before the test are read, or refused with a LiftInputError; nothing else is raised."""
    whole = example_experiment()
    panel = whole.panel
    few = GeoPanel(panel.geos[:2], panel.dates[:6], panel.response[:2, :6], _cost(panel)[:2, :6])
    experiment = GeoExperiment(few, whole.is_treated[:2], 4, 2)
    try:
        test = with_pairs(method, PAIRS[:1]).read(experiment, LEVELS)
    except LiftInputError as refusal:
        _require(bool(refusal.problems), "it is refused without a reason")
    else:
        _require(not math.isnan(test.p_value), "the p-value is nan")


def _read(method: GeoMethod, experiment: GeoExperiment) -> GeoLiftTest:
    return with_pairs(method, PAIRS).read(experiment, LEVELS)


def example_experiment(
    *,
    lift: float = 0.0,
    shock: float = 0.0,
    treated: int = PAIR_COUNT,
    response_unit: float = 1.0,
    money_unit: float = 1.0,
    with_cost: bool = True,
    seed: int = 0,
) -> GeoExperiment:
    """Twelve pairs of geos of like size, eight weeks before a test of two in the first of each; sales per geo and day.

    Sales have a weekly season, a common course and independent noise of 4 % per geo and day; sizes differ between pairs by a
    factor of four. Ads cost a tenth of a geo's sales in the test, and nothing before.

    Args:
        lift: what ads add to a treated geo's sales in the test, as a share of them.
        shock: what something else adds to all geos' sales in the test, as a share of them.
        treated: how many pairs have a treated geo, from the smallest up.
        response_unit: what sales are multiplied by.
        money_unit: what cost is multiplied by.
        with_cost: whether the panel has cost.
        seed: of the noise.

    Example:
        >>> from experiments.lift.testing import example_experiment
        >>> example_experiment(treated=4).panel.response.shape  # geos, days
        (24, 70)
    """
    rng = np.random.default_rng([2017, seed])
    days = PRE_DAYS + TEST_DAYS
    size = np.repeat(np.geomspace(100, 400, PAIR_COUNT), 2) * rng.normal(1, 0.01, 2 * PAIR_COUNT)
    course = (1 + 0.1 * np.sin(2 * np.pi * np.arange(days) / 7)) * rng.normal(1, 0.03, days)
    response: NDArray[np.float64] = size[:, None] * course * rng.normal(1, 0.04, (size.size, days))
    geo = np.arange(size.size)
    is_treated = (geo % 2 == 0) & (geo < 2 * treated)
    in_test = np.arange(days) >= PRE_DAYS
    cost = 0.1 * size[:, None] * np.outer(is_treated, in_test)
    response *= (1 + shock * in_test) * (1 + lift * np.outer(is_treated, in_test))
    panel = GeoPanel(
        tuple(name for pair in PAIRS for name in pair),
        np.datetime64("2026-01-05") + np.arange(days),
        response_unit * response,
        money_unit * cost if with_cost else None,
    )
    return GeoExperiment(panel, is_treated, PRE_DAYS, TEST_DAYS)


def _cost(panel: GeoPanel) -> NDArray[np.float64]:
    return np.zeros_like(panel.response) if panel.cost is None else panel.cost


def _close(found: float, expected: float, what: str) -> None:
    both_unbounded = math.isinf(expected) and found == expected
    same = both_unbounded or math.isclose(found, expected, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-9)
    _require(same, f"{what}: {found:g} is not {expected:g}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
