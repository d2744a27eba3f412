"""Which geos to treat: matched pairs, stratified and constrained randomisation; pure plans, no money."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.geo.panel import GeoPanel

__all__ = [
    "AssignmentMethod",
    "GeoAssignment",
    "constrained_assignment",
    "draw_assignment",
    "given_assignment",
    "matched_pairs",
    "paired_assignment",
    "stratified_assignment",
    "with_forced_control",
]

AssignmentMethod = Literal["matched_pairs", "stratified", "constrained", "given"]


@dataclass(frozen=True)
class GeoAssignment(Result):
    """A random division of the geos.

    Attributes:
        treated, control: names of the geos.
        method: how they were drawn.
        pairs: the matched pairs, where there are any; one geo of each is treated.
        treated_share: share of the response before the test that lies in the treated geos.
        correlation: of the treated and the control total per day before the test.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import paired_assignment
        >>> from experiments.lift.testing import example_experiment
        >>> print(paired_assignment(example_experiment().panel, np.random.default_rng(1)).summary())
        12 of 24 geos treated (matched pairs): 50.0% of the response, correlation with the control 0.970.
    """

    treated: tuple[str, ...]
    control: tuple[str, ...]
    method: AssignmentMethod
    pairs: tuple[tuple[str, str], ...]
    treated_share: float
    correlation: float

    def to_frame(self) -> pd.DataFrame:
        """One row per geo: `geo, arm` and, for matched pairs, `pair`."""
        arms = [("treated", geo) for geo in self.treated] + [("control", geo) for geo in self.control]
        frame = pd.DataFrame(arms, columns=["arm", "geo"])[["geo", "arm"]]
        if self.pairs:
            pair = {geo: k + 1 for k, both in enumerate(self.pairs) for geo in both}
            frame["pair"] = frame["geo"].map(pair)
        return frame

    def summary(self) -> str:
        """One sentence."""
        return (
            f"{len(self.treated)} of {len(self.treated) + len(self.control)} geos treated ({self.method.replace('_', ' ')}): "
            f"{self.treated_share:z.1%} of the response, correlation with the control {self.correlation:z.3f}."
        )


def matched_pairs(panel: GeoPanel) -> tuple[tuple[str, str], ...]:
    """Pairs of geos of like size: neighbours in the order of their total response, largest first.

    Neighbours minimise the summed difference of sizes over all pairings. Of an odd number of geos the
    smallest is left out.
    """
    order = np.argsort(-panel.response.sum(axis=1), kind="stable")
    names = [panel.geos[k] for k in order]
    return tuple(zip(names[::2], names[1::2], strict=False))


def paired_assignment(panel: GeoPanel, rng: np.random.Generator) -> GeoAssignment:
    """One geo of every matched pair is treated, by the toss of a coin.

    Args:
        panel: response and cost per geo and day.
        rng: draws the treated geos.

    Raises:
        LiftInputError: fewer than four geos.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import paired_assignment
        >>> from experiments.lift.testing import example_experiment
        >>> drawn = paired_assignment(example_experiment().panel, np.random.default_rng(1))
        >>> len(drawn.treated), len(drawn.control)
        (12, 12)
    """
    if len(panel.geos) < 4:
        refuse([f"geo: {len(panel.geos)} geos must be at least 4 for matched pairs; get finer regions"])
    pairs = matched_pairs(panel)
    coins = rng.integers(0, 2, len(pairs))
    treated = {pair[coin] for pair, coin in zip(pairs, coins, strict=True)}
    used = {geo for pair in pairs for geo in pair}
    is_treated = np.array([geo in treated for geo in panel.geos])
    in_test = np.array([geo in used for geo in panel.geos])
    return _assignment(panel, is_treated, "matched_pairs", pairs, in_test)


def stratified_assignment(
    panel: GeoPanel, rng: np.random.Generator, *, strata: int = 4, treated_share: float = 0.5
) -> GeoAssignment:
    """In each of `strata` groups of geos of like size, a share of the geos is treated, drawn at random.

    Args:
        panel: response and cost per geo and day.
        rng: draws the treated geos.
        strata: number of groups of geos of like size.
        treated_share: share of the geos of each group treated, 0 … 1.

    Raises:
        LiftInputError: a stratum from which nobody or everybody would be treated.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import stratified_assignment
        >>> from experiments.lift.testing import example_experiment
        >>> drawn = stratified_assignment(example_experiment().panel, np.random.default_rng(1))
        >>> len(drawn.treated), len(drawn.control)
        (12, 12)
    """
    refuse(share_problems(treated_share))
    if not 1 <= strata <= len(panel.geos) // 2:
        refuse([f"strata: {strata} must lie between 1 and {len(panel.geos) // 2}, two geos in each"])
    is_treated = _stratified_draw(_strata(panel, strata), rng, treated_share)
    if is_treated.all() or not is_treated.any():
        refuse([f"treated_share: {treated_share} must treat some geos of a stratum and leave some; fewer strata"])
    return _assignment(panel, is_treated, "stratified", (), np.ones(is_treated.size, dtype=bool))


def constrained_assignment(
    panel: GeoPanel,
    rng: np.random.Generator,
    *,
    treated_share: float = 0.5,
    strata: int = 4,
    draws: int = 1_000,
    kept_share: float = 0.05,
) -> GeoAssignment:
    """A random one of the best-balanced stratified draws: best by how well the control predicts the treated.

    The criterion is the residual standard deviation of the treated total on the control total before the
    test, relative to the treated total. It is chosen on the past and so is optimistic about the future:
    measure the power of the design on days not used here (`simulated_power`).

    Args:
        panel: response before the test.
        rng: source of randomness.
        treated_share: share of geos treated in each stratum.
        strata: number of groups of like size.
        draws: candidates.
        kept_share: share of the candidates among which one is drawn; 1 is plain stratified randomisation.

    Raises:
        LiftInputError: impossible shares, strata or draws.

    Source: Morgan and Rubin (2012), "Rerandomization to improve covariate balance in experiments", Annals of
    Statistics 40(2).

    Example:
        >>> import numpy as np
        >>> from experiments.lift import constrained_assignment
        >>> from experiments.lift.testing import example_experiment
        >>> drawn = constrained_assignment(example_experiment().panel, np.random.default_rng(1))
        >>> len(drawn.treated), len(drawn.control)
        (12, 12)
    """
    refuse(share_problems(treated_share))
    problems = []
    if draws < 1:
        problems.append(f"draws: {draws} must be at least 1; 1000 is customary")
    if not 0 < kept_share <= 1:
        problems.append(f"kept_share: {kept_share} must lie above 0 and up to 1; 0.05 keeps the best twentieth")
    if not 1 <= strata <= len(panel.geos) // 2:
        problems.append(f"strata: {strata} must lie between 1 and {len(panel.geos) // 2}, two geos in each")
    refuse(problems)
    groups = _strata(panel, strata)
    candidates = np.array([_stratified_draw(groups, rng, treated_share) for _ in range(draws)])
    candidates = candidates[candidates.any(axis=1) & ~candidates.all(axis=1)]
    if not len(candidates):
        refuse([f"treated_share: {treated_share} must treat some geos and leave some; fewer strata"])
    totals = candidates @ panel.response
    others = panel.response.sum(axis=0) - totals
    imbalance = _residual_share(totals, others)
    best = np.argsort(imbalance, kind="stable")[: max(1, math.ceil(kept_share * len(candidates)))]
    chosen = candidates[rng.choice(best)]
    return _assignment(panel, chosen, "constrained", (), np.ones(chosen.size, dtype=bool))


def draw_assignment(
    panel: GeoPanel, method: AssignmentMethod, rng: np.random.Generator, treated_share: float = 0.5
) -> GeoAssignment:
    """A division drawn by the method of this name, with four strata where there are geos for them.

    Args:
        panel: response and cost per geo and day.
        method: how geos are divided.
        rng: draws the treated geos.
        treated_share: share of the geos treated, 0 … 1.

    Raises:
        LiftInputError: what the method refuses.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import draw_assignment
        >>> from experiments.lift.testing import example_experiment
        >>> drawn = draw_assignment(example_experiment().panel, "matched_pairs", np.random.default_rng(1))
        >>> drawn.method, len(drawn.pairs)
        ('matched_pairs', 12)
    """
    if method == "matched_pairs":
        return paired_assignment(panel, rng)
    strata = max(1, min(4, len(panel.geos) // 2))
    draw = constrained_assignment if method == "constrained" else stratified_assignment
    return draw(panel, rng, strata=strata, treated_share=treated_share)


def with_forced_control(panel: GeoPanel, drawn: GeoAssignment, forced: Sequence[str]) -> GeoAssignment:
    """A division of the other geos of the panel, with these in the control."""
    if not forced:
        return drawn
    is_treated = np.isin(np.array(panel.geos), drawn.treated)
    in_test = np.isin(np.array(panel.geos), [*drawn.treated, *drawn.control, *forced])
    return _assignment(panel, is_treated, drawn.method, drawn.pairs, in_test)


def given_assignment(panel: GeoPanel, treated: Sequence[str]) -> GeoAssignment:
    """The division in which these geos are treated and all others are control."""
    is_treated = np.isin(np.array(panel.geos), [str(geo) for geo in treated])
    return _assignment(panel, is_treated, "given", (), np.ones(is_treated.size, dtype=bool))


def _strata(panel: GeoPanel, strata: int) -> list[NDArray[np.intp]]:
    order = np.argsort(-panel.response.sum(axis=1), kind="stable")
    return np.array_split(order, strata)


def _stratified_draw(
    groups: list[NDArray[np.intp]], rng: np.random.Generator, treated_share: float
) -> NDArray[np.bool_]:
    is_treated = np.zeros(sum(group.size for group in groups), dtype=bool)
    for group in groups:
        # A fraction of a geo is rounded at random, so that the share holds on average.
        wanted = treated_share * group.size
        number = int(wanted) + int(rng.random() < wanted - int(wanted))
        is_treated[rng.permutation(group)[:number]] = True
    return is_treated


def _residual_share(treated: NDArray[np.float64], control: NDArray[np.float64]) -> NDArray[np.float64]:
    """Residual standard deviation of the regression over the mean, for series of shape `(n, days)`."""
    y = treated - treated.mean(axis=1, keepdims=True)
    x = control - control.mean(axis=1, keepdims=True)
    variation = (x**2).sum(axis=1)
    slope = np.divide((x * y).sum(axis=1), variation, out=np.zeros_like(variation), where=variation > 0)
    rest = y - slope[:, None] * x
    return np.asarray(rest.std(axis=1) / treated.mean(axis=1))


def _assignment(
    panel: GeoPanel,
    is_treated: NDArray[np.bool_],
    method: AssignmentMethod,
    pairs: tuple[tuple[str, str], ...],
    in_test: NDArray[np.bool_],
) -> GeoAssignment:
    total = panel.response[is_treated].sum(axis=0)
    rest = panel.response[in_test & ~is_treated].sum(axis=0)
    varies = np.ptp(total) > 0 and np.ptp(rest) > 0
    return GeoAssignment(
        tuple(geo for geo, chosen in zip(panel.geos, is_treated, strict=True) if chosen),
        tuple(geo for geo, chosen in zip(panel.geos, in_test & ~is_treated, strict=True) if chosen),
        method,
        pairs,
        float(total.sum() / panel.response[in_test].sum()),
        float(np.corrcoef(total, rest)[0, 1]) if varies else math.nan,
    )


def share_problems(treated_share: float) -> list[str]:
    """What is wrong with a share of geos to be treated."""
    if 0 < treated_share < 1:
        return []
    return [f"treated_share: {treated_share} must lie between 0 and 1; write 0.5 for half of the geos"]
