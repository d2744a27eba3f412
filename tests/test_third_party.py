"""A third party's geo method, design and model, each an installed package of one file: listed, run, judged by the suite."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("cpalab"))
METHOD = '''
from dataclasses import dataclass, replace
from experiments.lift.geo.methods.did import difference_in_differences

@dataclass(frozen=True)
class Theirs:
    """Difference in differences, by a third party."""

    scale: float = 1.0
    name: str = "their_method"

    def read(self, experiment, levels=(0.90, 0.95)):
        return replace(difference_in_differences(experiment, levels), method=self.name)
'''
DESIGN = '''
from dataclasses import dataclass, replace
from experiments.designs.users.user_holdout import USER_HOLDOUT

@dataclass(frozen=True)
class Theirs:
    """A holdout of people, by a third party."""

    name: str = "their_design"
    factorial: bool = True

    def arrange(self, scenario, channel):
        return USER_HOLDOUT.arrange(scenario, channel)

    def read(self, world, channel):
        return replace(USER_HOLDOUT.read(world, channel), design=self.name)

    def truth(self, world, channels, threads=1):
        return USER_HOLDOUT.truth(world, channels, threads)
'''
MODEL = '''
from dataclasses import dataclass, replace
from attribution.models.rules.rules import Linear

@dataclass(frozen=True)
class Theirs:
    """Linear, by a third party."""

    name: str = "their_model"

    def fit(self, paths):
        return self

    def credit(self, paths):
        return replace(Linear().credit(paths), method=self.name)
'''
PACKAGES = {
    "their_method": (METHOD, "cpalab.geo_methods"),
    "their_design": (DESIGN, "cpalab.designs"),
    "their_model": (MODEL, "cpalab.attribution_models"),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder of installed packages: one file each, and what an installer writes beside it."""
    site = tmp_path_factory.mktemp("site")
    for name, (source, group) in PACKAGES.items():
        (site / f"{name}.py").write_text(source)
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}:Theirs\n")
    return site


@pytest.fixture(scope="module")
def run(installed):
    """Runs a command in which these packages are installed."""

    def call(*words, cwd=None):
        paths = [str(installed), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run(
            list(map(str, words)), capture_output=True, text=True, env=environment, check=False, timeout=300, cwd=cwd
        )

    return call


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (
            ("lift", "geo", "--methods"),
            "their_method(scale=1.0, name='their_method')\n    Difference in differences, by a",
        ),
        (("lifttests", "--list-designs"), "their_design(name='their_design', factorial=True)\n    A holdout of people"),
        (("attribute", "--models"), "their_model(name='their_model')\n    Linear, by a third party."),
        (("run", "--models"), "their_model(name='their_model')"),
    ],
)
def test_the_command_lists_what_is_installed(run, words, listed):
    assert listed in run(COMMAND, *words).stdout


@pytest.mark.parametrize(
    "suite",
    [
        "from experiments.lift.testing import check_geo_method as check; from experiments.lift.geo.method import "
        "find_geo_method as find; check(find('their_method'))",
        "from experiments.designs.testing import check_design as check; from experiments.designs.registry import "
        "find_designs as find; check(*find(['their_design']))",
        "from attribution.testing import check_attribution_model as check; from attribution.model import load_model; "
        "check(load_model('their_model'))",
    ],
    ids=PACKAGES,
)
def test_it_passes_the_public_suite(run, suite):
    answer = run(sys.executable, "-c", suite)
    assert answer.returncode == 0, answer.stderr


def test_it_reads_a_table_by_name_by_module_and_by_file(run, installed, tmp_path):
    days = [f"2026-01-{day:02d}" for day in range(1, 31)]
    rows = [f"{day},{geo},{100 + 7 * i + (i * 13 + day_number * 7) % 11}" for i, geo in enumerate("abcdefgh")
            for day_number, day in enumerate(days)]  # fmt: skip
    (tmp_path / "geos.csv").write_text("\n".join(["date,geo,response", *rows]))
    (tmp_path / "mine.py").write_text((installed / "their_method.py").read_text())
    words = (
        "lift",
        "geo",
        "geos.csv",
        "--treated",
        "a,c",
        "--start",
        days[20],
        "--end",
        days[-1],
        "--json",
        "--method",
    )
    found = []
    for method in ("their_method", "mine:Theirs(scale=2)", "./mine.py:Theirs"):
        answer = run(COMMAND, *words, method, cwd=tmp_path)
        assert answer.returncode == 0, answer.stderr
        found.append(json.loads(answer.stdout)["rows"])
    assert found[0] == found[1] == found[2]
    assert found[0][0]["method"] == "their_method"
    refused = run(COMMAND, *words, "mine:Theirs(scale='x')", cwd=tmp_path)
    assert refused.returncode == 2
    assert "mine:Theirs.scale: 'x' must be a number" in refused.stderr
