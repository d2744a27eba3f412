"""Leave one touch out: each touch is worth what its path's conversion rate loses without it."""

import numpy as np
import pytest

from attribution import Paths, load_model

# Four rows of fractribution's own example (Apache-2.0, py/fractribution_model/tests/example_path_summary.csv).
ROWS = {"B": (596, 36462), "C": (250, 40727), "B > C": (12, 391), "A > A > A": (22, 3187)}


def paths_of(rows):
    conversions, nulls = zip(*rows.values(), strict=True)
    return Paths.from_rows(list(rows), conversions, nulls=nulls)


def shares_of(rows, path):
    alone = Paths.from_rows([path], [1])
    return load_model("leave_one_touch_out").fit(paths_of(rows)).touch_shares(alone)


def test_a_touch_gets_what_the_rate_loses_without_it():
    whole, b, c = 12 / 403, 596 / 37058, 250 / 40977
    lost = np.array([whole - c, whole - b])
    assert shares_of(ROWS, "B > C") == pytest.approx(lost / lost.sum(), rel=1e-12)


def test_what_nobody_had_counts_as_never_converting():
    assert shares_of(ROWS, "A > A > A") == pytest.approx([1 / 3] * 3)


def test_where_nothing_is_lost_the_last_touch_gets_all():
    rows = {"a > b": (1, 99), "a": (1, 9), "b": (1, 9)}
    assert shares_of(rows, "a > b").tolist() == [0, 1]


def test_a_path_of_one_touch_is_its_own():
    assert shares_of(ROWS, "B").tolist() == [1]


def test_all_conversions_are_credited():
    credit = load_model("leave_one_touch_out").fit(paths_of(ROWS)).credit(paths_of(ROWS))
    assert credit.conversions.sum() == pytest.approx(596 + 250 + 12 + 22)
