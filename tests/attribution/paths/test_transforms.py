"""Path transforms of fractribution and Snowplow, on counted paths."""

import pytest

from attribution import Paths
from attribution.paths.transforms import transformed
from cpalab.refusal import InvalidInputError


def after(path, *names):
    return transformed(Paths.from_rows([path], [1]), names).to_frame()["path"].tolist()


@pytest.mark.parametrize(
    ("names", "expected"),
    [  # the example in fractribution's tuple_transforms.py
        (["exposure"], "D > A > B > C > D > C"),
        (["first"], "D > A > B > C"),
        (["frequency"], "D (2) > A (1) > B (2) > C (3)"),
        ([], "D > A > B > B > C > D > C > C"),
    ],
)
def test_the_published_example(names, expected):
    assert after("D > A > B > B > C > D > C > C", *names) == [expected]


@pytest.mark.parametrize(
    ("path", "last", "every"),
    [
        ("direct > a > direct > direct", "direct > a", "a"),
        ("direct > direct", "direct > direct", "direct > direct"),
        ("a > b", "a > b", "a > b"),
        ("(direct) > a > Direct Entry > b", "(direct) > a > Direct Entry > b", "a > b"),
    ],
)
def test_direct_visits_go_unless_there_are_no_others(path, last, every):
    assert after(path, "remove_last_direct") == [last]
    assert after(path, "remove_direct") == [every]


def test_equal_paths_are_added_up_and_nothing_is_lost():
    paths = Paths.from_rows(["a > a", "a", "b > direct"], [1, 2, 3], value_micros=[10, 20, 30], nulls=[5, 0, 1])
    left = transformed(paths, ["exposure", "remove_last_direct"])
    assert left.to_frame()["path"].tolist() == ["a", "b"]
    assert left.total_conversions == 6
    assert left.total_value_micros == 60
    assert left.nulls.sum() == 6


def test_an_unknown_transform_is_refused():
    with pytest.raises(InvalidInputError, match="did you mean exposure"):
        transformed(Paths.from_rows(["a"], [1]), ["exposur"])
