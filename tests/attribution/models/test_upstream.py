"""Upstream data-driven attribution: by its definition, and on a world whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.models.rules.rules import LastClick
from attribution.models.upstream import UpstreamDataDriven
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

WHOLE = 50  # more touches than any path here: match on the whole upstream


def credit(model, paths):
    found = model.fit(paths).credit(paths)
    return dict(zip(found.channels, found.conversions, strict=True))


def world_of_downstream_visits(people=1000.0):
    """A display ad brings people to search, and search is where they convert; half of people see the ad.

    With the ad 60 % search, without it 20 %; searchers convert with 0.3, others with 0.05.
    """
    rows, won, lost = [], [], []
    for ad, searching in (([], 0.2), (["display"], 0.6)):
        for search, share, p in ((["search"], searching, 0.3), ([], 1 - searching, 0.05)):
            rows.append(["site", *ad, *search])
            won.append(people * share * p)
            lost.append(people * share * (1 - p))
    return Paths.from_rows(rows, won, nulls=lost)


def test_an_ad_is_credited_for_the_visits_it_brings_about():
    paths = world_of_downstream_visits()
    found = credit(UpstreamDataDriven(), paths)
    # 1,000 people saw the ad, and 40 % more of them searched: 1,000 × 0.4 × (0.3 - 0.05) conversions.
    assert found["display"] == pytest.approx(100)
    assert credit(LastClick(), paths)["display"] == pytest.approx(20)  # those it did not send to search
    assert credit(LastClick(), paths)["search"] == pytest.approx(240)


def by_definition(rows, won, lost):
    """Match every touch on the whole path before it, one by one; skip touches nobody went without."""
    channels = sorted({name for row in rows for name in row})
    total = dict.fromkeys(channels, 0.0)
    for row, count in zip(rows, won, strict=True):
        for i, channel in enumerate(row):
            same = [(r, w, n) for r, w, n in zip(rows, won, lost, strict=True) if r[:i] == row[:i]]
            with_it = [(w, n) for r, w, n in same if r[i : i + 1] == [channel]]
            without = [(w, n) for r, w, n in same if r[i : i + 1] != [channel]]
            if not sum(w + n for w, n in without):
                return None
            p_with = sum(w for w, _ in with_it) / sum(w + n for w, n in with_it)
            p_without = sum(w for w, _ in without) / sum(w + n for w, n in without)
            total[channel] += count * (1 - p_without / p_with) if p_with else 0
    return total


names = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)


@given(st.lists(st.tuples(names, st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=9))
def test_it_is_the_difference_to_journeys_that_went_on_otherwise(data):
    rows, won, lost = ([row[i] for row in data] for i in range(3))
    rows, won, lost = (
        [["start"], *rows],
        [1, *won],
        [1, *lost],
    )  # so that every first touch has an alternative
    expected = by_definition(rows, won, lost)
    if expected is not None:
        found = credit(UpstreamDataDriven(upstream_touches=10), Paths.from_rows(rows, won, nulls=lost))
        assert found == pytest.approx(expected)


def test_people_without_touches_are_the_alternative_to_the_first_touch():
    paths = Paths.from_rows(["a", ""], [30, 10], nulls=[70, 0])
    found = UpstreamDataDriven(untouched_nulls=90).fit(paths).credit(paths)
    assert found.conversions == pytest.approx([20])  # 100 people × (0.3 - 0.1)
    assert found.baseline_conversions == pytest.approx(10)
    assert found.unattributed_conversions == 10


def test_a_touch_nobody_went_without_is_matched_on_a_shorter_upstream():
    # After `x` and `y` everyone saw `a`; after one of them at any time, some did not.
    paths = Paths.from_rows(["x > y > a", "y > a", "y", "x"], [5, 5, 2, 2], nulls=[5, 5, 8, 8])
    shares = UpstreamDataDriven(upstream_touches=2).fit(paths).touch_shares(Paths.from_rows(["x > y > a"], [1]))
    assert shares[2] == pytest.approx(1 - 0.2 / 0.5)


def test_channels_never_seen_get_nothing_and_break_no_match():
    fitted = UpstreamDataDriven().fit(world_of_downstream_visits())
    new = Paths.from_rows(["podcast > site > display"], [4])
    credit = fitted.credit(new)
    assert dict(zip(credit.channels, credit.conversions, strict=True))["podcast"] == 0
    assert credit.conversions.sum() + credit.baseline_conversions == pytest.approx(4)


def test_an_effect_of_zero_earns_nothing():
    paths = Paths.from_rows(["s > a", "s", "a"], [10, 30, 10], nulls=[90, 270, 90])
    assert credit(UpstreamDataDriven(), paths) == pytest.approx({"a": 0, "s": 0}, abs=1e-12)


def test_harm_is_not_cut_off():
    paths = Paths.from_rows(["s > a", "s"], [5, 40], nulls=[95, 60])
    assert credit(UpstreamDataDriven(), paths)["a"] == pytest.approx(100 * (0.05 - 0.4))


def test_limits_must_make_sense():
    with pytest.raises(InvalidInputError) as error:
        UpstreamDataDriven(upstream_touches=-1, untouched_nulls=-1)
    assert len(error.value.lines) == 2
    with pytest.raises(InvalidInputError, match="upstream_touches: 50 with 3 channels is too long"):
        UpstreamDataDriven(upstream_touches=WHOLE).fit(world_of_downstream_visits())
    assert np.isfinite(credit(UpstreamDataDriven(upstream_touches=0), world_of_downstream_visits())["site"])
