"""The simulator: people, ads and orders in a market whose truth is known.

`simulate(load_scenario("dtc-apparel"))` gives a `World`: its event log, users, market and timeline as Arrow tables.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.engines.replacement import replace_steps as replace_steps
    from simulator.scenario.loading import load_scenario as load_scenario
    from simulator.scenario.problems import ScenarioError as ScenarioError
    from simulator.storage import read_world as read_world
    from simulator.world import World as World
    from simulator.world import simulate as simulate

PUBLIC = {
    "ScenarioError": "scenario.problems",
    "World": "world",
    "load_scenario": "scenario.loading",
    "read_world": "storage",
    "replace_steps": "engines.replacement",
    "simulate": "world",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for: importing the package costs nothing."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(PUBLIC)
