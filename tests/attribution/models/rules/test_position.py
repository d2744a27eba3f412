"""Position based rules, against published vectors, by hand, and as properties."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.model import load_model
from attribution.models.rules.position import PositionBased
from attribution.models.rules.rules import FirstClick, LastClick, Linear
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

REFERENCE = Path(__file__).parents[3] / "reference" / "attribution"


def vector(name):
    return json.loads((REFERENCE / name).read_text())


def shares(model, touches):
    return model.touch_shares(Paths.from_rows([[str(i) for i in range(touches)]], [1])).tolist()


def credit(model, rows, conversions):
    paths = Paths.from_rows(rows, conversions)
    found = model.fit(paths).credit(paths)
    return dict(zip(found.channels, found.conversions, strict=True))


def test_published_40_20_40():
    data = vector("05_mta_unit_tests.json")
    found = credit(PositionBased(), [r["path"] for r in data["rows"]], [r["conversions"] for r in data["rows"]])
    assert found == pytest.approx(data["position_40_20_40"])


@pytest.mark.parametrize(
    ("key", "model"), [("w40_40", PositionBased()), ("w30_70", PositionBased(first=0.3, last=0.7))]
)
def test_published_two_touches(key, model):
    case = vector("05_mta_unit_tests.json")["position_two_touch"]
    assert credit(model, [case["path"]], [case["conversions"]]) == pytest.approx(case[key])


def test_the_published_12k_deal():
    case = vector("09_time_decay_and_rules.json")["b2b_12k"]
    found = credit(PositionBased(), [case["channels"]], [12_000])
    assert [found[channel] for channel in case["channels"]] == pytest.approx(case["published"]["position_40_20_40"])


@pytest.mark.parametrize(
    ("name", "touches", "expected"),
    [
        ("position_based", 1, [1]),
        ("position_based", 2, [0.5, 0.5]),
        ("position_based", 4, [0.4, 0.1, 0.1, 0.4]),
        ("w_shaped", 2, [0.5, 0.5]),
        ("w_shaped", 3, [1 / 3, 1 / 3, 1 / 3]),
        ("w_shaped", 5, [0.3, 0.05, 0.3, 0.05, 0.3]),
        ("w_shaped", 6, [0.3, 0.05, 0.15, 0.15, 0.05, 0.3]),
        ("j_shaped", 2, [0.3, 0.7]),
        ("j_shaped", 4, [0.2, 0.1, 0.1, 0.6]),
        ("inverse_j_shaped", 4, [0.6, 0.1, 0.1, 0.2]),
    ],
)
def test_shapes_by_hand(name, touches, expected):
    assert shares(load_model(name), touches) == pytest.approx(expected)


@given(st.integers(1, 9))
def test_all_weight_on_one_end_is_first_or_last_click(touches):
    assert shares(PositionBased(0, 0, 1), touches) == pytest.approx(shares(LastClick(), touches))
    assert shares(PositionBased(1, 0, 0), touches) == pytest.approx(shares(FirstClick(), touches))


def test_equal_weights_are_linear():
    assert shares(PositionBased(0.25, 0, 0.25), 4) == pytest.approx(shares(Linear(), 4))


@given(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_any_weights_hand_out_everything_and_nothing_negative(touches, first, central, last):
    total = max(first + central + last, 1)
    found = shares(PositionBased(first / total, central / total, last / total), touches)
    assert sum(found) == pytest.approx(1)
    assert min(found) >= -1e-12


def test_weights_must_make_sense():
    with pytest.raises(InvalidInputError) as error:
        PositionBased(first=-1, last=1.5)
    assert len(error.value.lines) == 2
    with pytest.raises(InvalidInputError, match=r"first, central, last: sum to 1.2; at most 1"):
        PositionBased(first=0.6, last=0.6)
