"""Contracts: what is written is read back, and a file that is none is refused with every reason."""

import json
import math
from pathlib import Path

import pytest

from cpalab.refusal import Refused
from experiments.rollout.change_file import load_plan
from experiments.rollout.contract import read_contract
from experiments.rollout.rollout import Rollout, roll_out
from simulator.world import World


@pytest.fixture(scope="module")
def found(world: World) -> Rollout:
    plan = load_plan({"changes": [{"name": "banner", "fault": "consent_banner", "size": 0.5}]}, world.scenario)
    return roll_out(world, plan, verify=False, replicates=50)


def test_the_bands_of_a_contract_are_those_of_the_rollout(found: Rollout) -> None:
    rows = {row.key: row for row in found.contract().rows}
    assert len(rows) == 2 * len(found.shifts)
    for shift in found.shifts:
        row = rows[shift.channel, shift.system, "cpa"]
        assert (row.expected, row.lower, row.upper) == pytest.approx(
            (shift.multiplier, shift.alert_lower, shift.alert_upper), nan_ok=True
        )
        assert rows[shift.channel, shift.system, "roas"].expected == pytest.approx(shift.roas_multiplier, nan_ok=True)


def test_a_contract_is_read_back_as_it_was_written(found: Rollout, tmp_path: Path) -> None:
    path = tmp_path / "bands.json"
    path.write_text(found.contract().to_json())
    again = read_contract(path)
    assert again.to_json() == found.contract().to_json()
    assert again.scenario != ""
    assert (again.days, again.people, again.level) == (30.0, 30_000, 0.95)
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_another_change_has_another_mark(found: Rollout, world: World) -> None:
    plan = load_plan({"changes": [{"name": "banner", "fault": "consent_banner", "size": 0.6}]}, world.scenario)
    other = roll_out(world, plan, verify=False, replicates=2).contract()
    assert other.change != found.contract().change
    assert other.scenario == found.contract().scenario


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is no JSON"),
        ("[]", "is no contract"),
        ('{"kind": "something"}', "is no contract"),
        ('{"kind": "cpalab rollout contract", "format": 2}', "format: 2 must be 1"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_what_is_no_contract_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bands.json"
    path.write_text(text)
    with pytest.raises(Refused, match=said):
        read_contract(path)
    with pytest.raises(Refused, match="cannot be read"):
        read_contract(tmp_path / "none.json")


def test_everything_wrong_with_a_contract_is_said_at_once(found: Rollout, tmp_path: Path) -> None:
    table = json.loads(found.contract().to_json())
    table["level"] = "high"
    del table["days"]
    table["rows"][0]["expected"] = "1"
    table["rows"][1]["surplus"] = 1
    table["rows"][2]["metric"] = "ctr"
    path = tmp_path / "bands.json"
    path.write_text(json.dumps(table))
    with pytest.raises(Refused) as refusal:
        read_contract(path)
    places = [problem.place.removeprefix(f"{path}").lstrip(".: ") for problem in refusal.value.problems]
    assert places == ["days", "level", "rows.0.expected", "rows.1.surplus", "rows.2.metric"]


def test_figures_that_do_not_exist_are_null(found: Rollout) -> None:
    rows = json.loads(found.contract().to_json())["rows"]
    assert any(row["expected"] is None for row in rows) == any(
        math.isnan(row.expected) for row in found.contract().rows
    )
