"""`cpalab check-rollout`: statuses for a pipeline, and files for the tools around it."""

import json
import math
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from experiments.rollout.contract import Contract, ContractRow

HEAD = "channel,system,cost_before,conversions_before,cost_after,conversions_after\n"
GOOD, BAD, FEW = "video,crm,100,400,100,395\n", "video,platform,100,400,100,400\n", "video,crm,100,10,100,9\n"


def row(system: str, expected: float) -> ContractRow:
    return ContractRow(
        "video", system, "cpa", expected, math.nan, math.nan, 0.0, 1.0, 1.0, 0.0, 400.0, 400.0 / expected
    )


@pytest.fixture
def gate(tmp_path: Path):
    """Run the command on these rows; the contract expects the platform's CPA to double."""
    rows = (row("platform", 2.0), row("crm", 1.0))
    (tmp_path / "bands.json").write_text(Contract("banner", 0.95, 14.0, 1, "", "", "0", rows).to_json())

    def run(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "seen.csv").write_text(HEAD + text)
        command = [str(Path(sys.executable).with_name("cpalab")), "check-rollout", "bands.json", "seen.csv", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (GOOD, 0, "As expected"),
        (GOOD + BAD, 1, "Outside: 1 of 2"),
        (FEW, 2, "Cannot tell"),
        ("video,crm,x,1,1,1\n", 3, ""),
    ],
)
def test_the_exit_status_is_the_verdict(gate, text: str, status: int, said: str) -> None:
    found = gate(text, "-q")
    assert found.returncode == status, found.stderr
    assert found.stdout.startswith(said)
    assert len(found.stdout.splitlines()) == (status != 3)
    assert "Traceback" not in found.stderr


def test_bad_usage_is_status_three_too(gate, tmp_path: Path) -> None:
    assert gate(GOOD, "--lvie", "2026-01-01").returncode == 3
    (tmp_path / "bands.json").write_text("{}")
    assert gate(GOOD).returncode == 3


def test_json_is_strict_and_complete(gate) -> None:
    found = json.loads(gate(GOOD + BAD, "--json").stdout, parse_constant=pytest.fail)
    assert found["status"] == 1
    assert {(r["system"], r["verdict"]) for r in found["rows"]} == {("platform", "outside"), ("crm", "within")}


def test_the_files_of_other_tools_say_the_same(gate, tmp_path: Path) -> None:
    found = gate(GOOD + BAD, "--junit", "a.xml", "--markdown", "a.md", "--dbt", "a.sql")
    assert found.returncode == 1
    suite = ElementTree.parse(tmp_path / "a.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    lines = (tmp_path / "a.md").read_text().splitlines()
    assert len(lines) <= 10
    assert "outside" in lines[4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.md", "a.sql", "a.xml", "bands.json", "seen.csv"]


def test_the_dbt_test_returns_the_rows_outside(gate, tmp_path: Path) -> None:
    """Run by SQLite, which takes the same SQL but for the model's name and a logarithm of its own."""
    gate(GOOD + BAD, "--dbt", "a.sql")
    sql = (tmp_path / "a.sql").read_text().replace("{{ ref('rollout_figures') }}", "figures_seen")
    with sqlite3.connect(":memory:") as base:
        base.create_function("ln", 1, math.log)
        base.execute(f"create table figures_seen ({HEAD.strip()})")
        for line in (GOOD + BAD).splitlines():
            channel, system, *numbers = line.split(",")
            base.execute("insert into figures_seen values (?,?,?,?,?,?)", [channel, system, *map(float, numbers)])
        assert [r[1] for r in base.execute(sql)] == ["platform"]


def test_it_needs_no_compiled_code(tmp_path: Path) -> None:
    rows = (replace(row("crm", 1.0), channel="it's | <b>"),)
    (tmp_path / "bands.json").write_text(Contract("", 0.95, 14.0, 1, "", "", "0", rows).to_json())
    (tmp_path / "seen.csv").write_text(HEAD + "it's | <b>,crm,100,400,100,395\n")
    program = (
        "import sys; sys.argv = ['cpalab', 'check-rollout', 'bands.json', 'seen.csv', '--markdown', 'a.md']\n"
        "from experiments.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, *sorted({'numba', 'simpy', 'statsmodels', 'scipy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "0"
    assert "| it's \\| &lt;b> · crm |" in (tmp_path / "a.md").read_text()
