"""Poisson intensity: backwards elimination by its definition, and the law of a known world."""

from dataclasses import replace

import numpy as np
import pytest

from attribution.models.regression.intensity import FittedPoissonIntensity, PoissonIntensity
from attribution.paths.build import build_paths
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

EDGES = np.array([1.0, 7.0])
FITTED = FittedPoissonIntensity(("a", "b"), EDGES, -4.0, np.array([[1.0, 0.5], [2.0, -0.3]]))


def rate(touches):
    """λ of touches (channel, age), the oldest first: each channel counts by its latest touch."""
    latest = dict(touches)
    total = FITTED.intercept
    for channel, age in latest.items():
        step = np.searchsorted(EDGES, age, side="right")
        total += FITTED.effects["ab".index(channel), step] if step < len(EDGES) else 0
    return np.exp(total)


def paths_of(touches, end=50.0):
    return build_paths(
        {
            "user_id": [1] * len(touches),
            "time": [end - age for _, age in touches],
            "channel": [channel for channel, _ in touches],
        },
        {"user_id": [1], "time": [end], "value_micros": [6_000_000]},
    )


@pytest.mark.parametrize(
    "touches",
    [
        [("a", 3.0)],
        [("a", 20.0), ("b", 5.0), ("a", 0.5)],
        [("b", 6.0), ("b", 2.0), ("a", 1.0), ("b", 0.0)],
        [("a", 29.0), ("a", 8.0)],
    ],
)
def test_each_touch_gets_what_the_rate_loses_when_it_goes_last_one_first(touches):
    paths = paths_of(touches)
    expected = [(rate(touches[: i + 1]) - rate(touches[:i])) / rate(touches) for i in range(len(touches))]
    assert FITTED.journey_shares(paths.journeys) == pytest.approx(expected, rel=1e-9)
    credit = FITTED.credit(paths)
    assert credit.baseline_conversions == pytest.approx(rate([]) / rate(touches))
    assert credit.conversions.sum() + credit.baseline_conversions == pytest.approx(1)
    assert credit.baseline_value_micros == pytest.approx(6_000_000 * rate([]) / rate(touches))


def world(seed, people=8000, until=60.0):
    """Return the log of people who convert at the fitted law's rate; touches come in the first 20 days."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(people), 2)
    time = 20 * rng.random(len(user))
    channel = rng.integers(0, 2, len(user))
    # Thinning: candidates at the highest rate there is, kept with the share the rate has of it.
    highest = np.exp(FITTED.intercept + 3)
    n = rng.poisson(highest * until, people)
    who, when = np.repeat(np.arange(people), n), until * rng.random(n.sum())
    log_rate = np.full(len(who), FITTED.intercept)
    for code in range(2):
        age = np.full(len(who), np.inf)
        for k in range(2):
            mine = np.where(channel[2 * who + k] == code, when - time[2 * who + k], -1)
            age = np.where((mine >= 0) & (mine < age), mine, age)
        log_rate += np.append(FITTED.effects[code], 0)[np.searchsorted(EDGES, age, side="right")]
    bought = rng.random(len(who)) < np.exp(log_rate) / highest
    return build_paths(
        {"user_id": user, "time": time, "channel": np.array(["a", "b"])[channel]},
        {"user_id": who[bought], "time": when[bought]},
        replace(PoissonIntensity().path_settings(), observed_until=until),
    )


def test_the_law_of_a_known_world_is_found():
    # At least 400 conversions tell of each effect: standard errors of 0.05 at most, so 0.2 is four of them.
    fitted = PoissonIntensity(age_days=(1, 7)).fit(world(seed=1))
    assert fitted.intercept == pytest.approx(FITTED.intercept, abs=0.06)
    assert fitted.effects == pytest.approx(FITTED.effects, abs=0.2)
    assert fitted.to_frame()["rate_ratio"].tolist() == pytest.approx(np.exp(fitted.effects).ravel())
    assert "Without any touch a person would convert 0.01" in fitted.summary()


def test_a_channel_never_seen_when_fitting_adds_nothing():
    credit = FITTED.credit(paths_of([("podcast", 2.0), ("a", 0.5)]))
    assert dict(zip(credit.channels, credit.conversions, strict=True))["podcast"] == 0


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InvalidInputError, match="paths: hold counts only, without times"):
        PoissonIntensity().fit(Paths.from_rows(["a"], [1]))
    for edges in [(), (0, 1), (7, 1), (1, float("inf"))]:
        with pytest.raises(InvalidInputError, match=r"age_days: .* must rise from above 0"):
            PoissonIntensity(age_days=edges)
