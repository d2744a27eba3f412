"""Rules of order, against published vectors and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from attribution.model import load_model
from attribution.models.rules.rules import (
    FirstClick,
    LastClick,
    LastNonDirect,
    LastPaidClick,
    Linear,
    LinearPerChannel,
)
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

REFERENCE = Path(__file__).parents[3] / "reference" / "attribution"


def vector(name):
    return json.loads((REFERENCE / name).read_text())


def credit(model, rows, conversions, **counts):
    paths = Paths.from_rows(rows, conversions, **counts)
    found = model.fit(paths).credit(paths)
    return dict(zip(found.channels, found.conversions, strict=True))


@pytest.mark.parametrize(
    ("file", "key", "model"),
    [
        ("02_pychattr_readme.json", "first_touch", FirstClick()),
        ("02_pychattr_readme.json", "last_touch", LastClick()),
        ("02_pychattr_readme.json", "linear", Linear()),
        ("05_mta_unit_tests.json", "first_touch", FirstClick()),
        ("05_mta_unit_tests.json", "last_touch", LastClick()),
        ("05_mta_unit_tests.json", "linear_unique_channels", LinearPerChannel()),
    ],
)
def test_published_rules(file, key, model):
    data = vector(file)
    found = credit(model, [r["path"] for r in data["rows"]], [r["conversions"] for r in data["rows"]])
    assert found == pytest.approx({**dict.fromkeys(found, 0), **data[key]}, rel=1e-12)


def test_linear_gives_each_touch_of_a_repeated_channel_its_share():
    case = vector("05_mta_unit_tests.json")["linear_proportional_repeats"]
    assert credit(Linear(), [case["path"]], [case["conversions"]]) == pytest.approx(case["expected"])


@pytest.mark.parametrize("name", ["first", "last", "last_non_direct", "linear"])
def test_the_published_12k_deal(name):
    case = vector("09_time_decay_and_rules.json")["b2b_12k"]
    model = load_model({"first": "first_click", "last": "last_click"}.get(name, name))
    paths = Paths.from_rows([case["channels"]], [1], value_micros=[12_000_000_000])
    found = model.fit(paths).credit(paths)
    value = dict(zip(found.channels, found.value_micros / 1e6, strict=True))
    assert [value[channel] for channel in case["channels"]] == pytest.approx(case["published"][name])


class TestLastNonDirect:
    def test_published_sessions(self):
        case = vector("11_last_non_direct.json")["dbt_ga4_session_level"]
        names = {session: source for session, _, source in case["sessions"]}
        model = LastNonDirect(direct_channels=("(direct)",))
        for i, (session, *_) in enumerate(case["sessions"]):
            path = [source for _, _, source in case["sessions"][: i + 1]]
            assert credit(model, [path], [1])[names[case["expected_session_credited"][session]]] == 1

    def test_published_paths_with_any_name_for_direct(self):
        case = vector("11_last_non_direct.json")["dp6_test_set_last_non_A"]
        found = credit(LastNonDirect(direct_channels=("a",)), case["paths"], [case["value_each"]] * 9)
        assert found == case["expected"]

    @pytest.mark.parametrize("case", vector("11_last_non_direct.json")["dp6_mam"]["cases"])
    def test_measured_on_a_peer(self, case):
        path = case["path"]
        measured: dict[str, float] = {}
        for channel, share in zip(path, case["credit"], strict=True):
            measured[channel] = measured.get(channel, 0) + share
        assert credit(LastNonDirect(), [path], [1]) == measured

    def test_direct_keeps_what_nobody_else_touched(self):
        assert credit(LastNonDirect(), ["Direct > Direct", "X > Direct"], [1, 1]) == {"Direct": 1, "X": 1}


class TestLastPaidClick:
    MODEL = LastPaidClick(paid_channels=("ads",))

    def test_the_last_paid_touch_takes_all_whatever_follows(self):
        assert credit(self.MODEL, ["Ads > ads > email > direct"], [3]) == {
            "Ads": 0, "ads": 3, "direct": 0, "email": 0
        }  # fmt: skip

    def test_without_a_paid_touch_it_is_last_non_direct(self):
        assert credit(self.MODEL, ["email > direct", "direct"], [2, 1]) == {"direct": 1, "email": 2}

    @pytest.mark.parametrize("declared", [(), "ads"])
    def test_the_declaration_must_name_channels(self, declared):
        with pytest.raises(InvalidInputError, match="must be a tuple of names, at least one"):
            LastPaidClick(paid_channels=declared)


def test_linear_per_channel_counts_a_repeated_channel_once():
    assert credit(LinearPerChannel(), ["a > a > b"], [6]) == {"a": 3, "b": 3}
    paths = Paths.from_rows(["a > b > a > a"], [1])
    assert LinearPerChannel().touch_shares(paths).tolist() == pytest.approx([1 / 6, 1 / 2, 1 / 6, 1 / 6])


def test_shares_are_per_touch():
    paths = Paths.from_rows(["a > b > direct"], [1])
    assert LastClick().touch_shares(paths).tolist() == [0, 0, 1]
    assert FirstClick().touch_shares(paths).tolist() == [1, 0, 0]
    assert LastNonDirect().touch_shares(paths).tolist() == [0, 1, 0]
    assert np.array_equal(Linear().touch_shares(paths), [1 / 3] * 3)
