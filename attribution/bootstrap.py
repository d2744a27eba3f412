"""`bootstrap_credits`: every model's credits with intervals, by a bootstrap over people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from attribution.credit import Credit, Interval
from attribution.model import AttributionModel, UncertainModel, credits_of
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.refusal import InvalidInputError


def bootstrap_credits(
    models: Sequence[AttributionModel],
    paths: Paths,
    *,
    seed: int,
    replicates: int = 200,
    level: float = 0.95,
    map_: Callable[..., Iterable[Any]] = map,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> tuple[Credit, ...]:
    """Fit every model, and again on every bootstrap draw of people: credits with percentile intervals.

    All models see the same draws, so their credits can be compared draw by draw. A model with inputs that are
    uncertain themselves (`UncertainModel`: a lift test, sampled orders) is drawn too. Draws are multinomial
    over people, as weights of journeys or, from counts alone, of distinct paths (see `Paths.resampled`).

    Args:
        models: the models; each is refitted on every draw, so that the interval holds its estimation error
            too.
        paths: the paths.
        seed: the seed of the draws.
        replicates: how many draws.
        level: nominal coverage of the intervals.
        map_: `map`, or the `map` of a thread or process pool.
        progress: wraps the iterator of replicates, for a progress bar.

    Raises:
        InvalidInputError: `replicates` or `level` make no interval, or models refuse the paths: each is named.

    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.

    Example:
        >>> from attribution import bootstrap_credits, build_paths, load_model
        >>> touches = {"user_id": ["ann", "ann"], "time": [1.0, 2.0], "channel": ["search", "email"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> (credit,) = bootstrap_credits([load_model("linear")], paths, seed=1, replicates=2)
        >>> credit.interval.replicates
        2
    """
    problems = []
    if seed < 0:
        problems.append(f"seed: {seed} must be zero or more")
    if replicates < 2:
        problems.append(f"replicates: {replicates} must be at least 2; 200 is usual")
    if not 0 < level < 1:
        problems.append(f"level: {level} must lie between 0 and 1; write 0.95 for 95 %")
    if problems:
        raise InvalidInputError(problems)
    whole = credits_of(models, paths)
    seeds = np.random.SeedSequence(seed).spawn(replicates)
    draws = np.array(list(progress(map_(partial(_replicate, models, paths), seeds))))
    tail = (1 - level) / 2
    # The bounds are the draws of rank p × (replicates + 1): a new draw falls below each of them with probability p.
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0, method="weibull")
    return tuple(
        replace(credit, interval=Interval(level, replicates, lower[m, 0], upper[m, 0], lower[m, 1], upper[m, 1]))
        for m, credit in enumerate(whole)
    )


def _replicate(models: Sequence[AttributionModel], paths: Paths, seed: np.random.SeedSequence) -> Floats:
    """The credits on one draw [n_models, 2, n_channels]: conversions and value."""
    drawn = paths.resampled(np.random.default_rng(seed))
    inputs = seed.spawn(1)[0]
    drawn_models = [
        model.drawn(np.random.default_rng(inputs)) if isinstance(model, UncertainModel) else model for model in models
    ]
    return np.array([[credit.conversions, credit.value_micros] for credit in credits_of(drawn_models, drawn)])
