"""The simulator: people, ads and orders in a market whose truth is known.

`simulate(load_scenario("dtc-apparel"))` gives a `World`: its event log, users, market and timeline as Arrow tables.
"""

from typing import TYPE_CHECKING

from cpalab.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from cpalab.refusal import ScenarioError as ScenarioError
    from simulator.engines.replacement import replace_steps as replace_steps
    from simulator.scenario.loading import load_scenario as load_scenario
    from simulator.stepping import open_market as open_market
    from simulator.storage import read_world as read_world
    from simulator.world import World as World
    from simulator.world import simulate as simulate

CONTENTS = {
    "ScenarioError": "cpalab.refusal",
    "World": "simulator.world",
    "load_scenario": "simulator.scenario.loading",
    "open_market": "simulator.stepping",
    "read_world": "simulator.storage",
    "replace_steps": "simulator.engines.replacement",
    "simulate": "simulator.world",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, CONTENTS)
