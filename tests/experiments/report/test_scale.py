"""Where prices are drawn."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.report.scale import PriceAxis

prices = st.one_of(st.floats(1e-3, 1e6), st.just(math.inf), st.just(math.nan), st.just(0.0))


@given(shown=st.lists(prices, max_size=12), bounds=st.lists(prices, max_size=12))
def test_every_price_and_bound_has_its_place_in_order(shown, bounds):
    axis = PriceAxis.around(shown, bounds)
    assert 0 < axis.low < axis.high <= axis.edge < math.inf
    priced = sorted(price for price in (*shown, *bounds) if price > 0)
    places = [axis.place(price) for price in priced]
    assert places == sorted(places)
    assert all(axis.low <= place <= axis.edge for place in places)


@given(shown=st.lists(prices, min_size=1), bounds=st.lists(prices))
def test_finite_prices_are_never_cut(shown, bounds):
    axis = PriceAxis.around(shown, bounds)
    assert not any(axis.cuts(price) for price in shown if 0 < price < math.inf)


@given(shown=st.lists(prices, min_size=1), bounds=st.lists(prices))
def test_ticks_stand_for_prices_and_only_the_last_one_for_infinity(shown, bounds):
    axis = PriceAxis.around(shown, bounds)
    unbounded = any(math.isinf(price) for price in (*shown, *bounds))
    ticks = axis.ticks()
    assert [tick > axis.past_high for tick in ticks] == [False] * (len(ticks) - unbounded) + [True] * unbounded


def test_an_interval_stretches_the_axis_but_does_not_dwarf_the_prices():
    axis = PriceAxis.around([10.0, 100.0], [8.0, 1e6])
    assert (axis.low, axis.high) == (8.0, pytest.approx(300.0))
    assert axis.cuts(1e6)
    assert not axis.cuts(8.0)
    assert axis.place(1e6) == axis.high == axis.edge


def test_what_is_no_price_has_no_place():
    axis = PriceAxis.around([10.0, 100.0])
    assert axis.place(math.nan) is None
    assert axis.place(0.0) is None


def test_ticks_over_many_decades_are_sparse():
    assert PriceAxis.around([3.0, 80.0]).ticks() == [5.0, 10.0, 20.0, 50.0]
    assert PriceAxis.around([2.0, 2000.0]).ticks() == pytest.approx([3.0, 10.0, 30.0, 100.0, 300.0, 1000.0])
