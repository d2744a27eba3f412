"""Doubly robust credit on confounded worlds whose truth is known, with either of its models broken."""

import numpy as np
import pytest

from attribution.models.regression import doubly_robust
from attribution.models.regression.doubly_robust import DoublyRobust
from attribution.models.regression.logistic import Logistic
from attribution.models.rules.rules import LinearPerChannel
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

PEOPLE = 1e6
SHOPS, CHASED = 0.3, {True: 0.8, False: 0.1}  # people who come to the shop by themselves are retargeted more
CONVERTS = {(True, False): 0.20, (True, True): 0.22, (False, False): 0.01, (False, True): 0.02}


def world():
    """Return expected counts: who shops converts anyway, retargeting adds 2 or 1 percentage points.

    With them come the people without any touch who did not convert.
    """
    rows, won, lost = [], [], []
    for (shops, chased), p in CONVERTS.items():
        people = PEOPLE * (SHOPS if shops else 1 - SHOPS)
        people *= CHASED[shops] if chased else 1 - CHASED[shops]
        rows.append(["shop"] * shops + ["retargeting"] * chased)
        won.append(people * p)
        lost.append(people * (1 - p))
    return Paths.from_rows(rows, won, nulls=lost), lost[rows.index([])]


ADDED = PEOPLE * (SHOPS * CHASED[True] * 0.02 + (1 - SHOPS) * CHASED[False] * 0.01)


def fit():
    paths, untouched_nulls = world()
    return DoublyRobust(untouched_nulls=untouched_nulls).fit(paths), paths


def test_selection_is_taken_out():
    fitted, paths = fit()
    added = dict(zip(paths.channels, fitted.incremental_conversions, strict=True))["retargeting"]
    assert added == pytest.approx(ADDED, rel=1e-4)
    naive = LinearPerChannel().fit(paths).credit(paths)
    assert dict(zip(naive.channels, naive.conversions, strict=True))["retargeting"] > 4 * ADDED


@pytest.mark.parametrize("broken", ["outcome", "propensity"])
def test_one_of_its_two_models_may_be_wrong(broken, monkeypatch):
    calls = iter(["outcome", "propensity"] * 2)

    class Blind(Logistic):
        @staticmethod
        def fit(features, successes, failures):
            if next(calls) == broken:
                features = np.zeros_like(features)
            return Logistic.fit(features, successes, failures)

    monkeypatch.setattr(doubly_robust, "Logistic", Blind)
    fitted, paths = fit()
    added = dict(zip(paths.channels, fitted.incremental_conversions, strict=True))["retargeting"]
    assert added == pytest.approx(ADDED, rel=1e-3)


def test_both_wrong_are_wrong(monkeypatch):
    class Blind(Logistic):
        @staticmethod
        def fit(features, successes, failures):
            return Logistic.fit(np.zeros_like(features), successes, failures)

    monkeypatch.setattr(doubly_robust, "Logistic", Blind)
    fitted, paths = fit()
    added = dict(zip(paths.channels, fitted.incremental_conversions, strict=True))["retargeting"]
    assert added > 3 * ADDED


def test_credit_and_baseline():
    fitted, paths = fit()
    credit = fitted.credit(paths)
    assert credit.conversions == pytest.approx(fitted.incremental_conversions)
    assert credit.conversions.sum() + credit.baseline_conversions == pytest.approx(paths.conversions.sum())
    assert fitted.to_frame()["journeys"].tolist() == pytest.approx([310_000, 300_000])


def test_a_channel_without_effect_adds_nothing():
    paths = Paths.from_rows(["a", "b", "a > b", ""], [10, 20, 20, 10], nulls=[90, 80, 80, 0])
    fitted = DoublyRobust(untouched_nulls=90).fit(paths)
    assert fitted.incremental_conversions == pytest.approx([0, 20], abs=0.2)


def test_a_channel_everybody_has_cannot_be_judged():
    paths = Paths.from_rows(["a", "a > b"], [1, 1], nulls=[5, 5])
    with pytest.raises(InvalidInputError, match="every journey holds 'a', so that nothing tells"):
        DoublyRobust().fit(paths)


def test_limits_must_make_sense():
    with pytest.raises(InvalidInputError) as error:
        DoublyRobust(propensity_limit=0.5, untouched_nulls=-1)
    assert len(error.value.lines) == 2
