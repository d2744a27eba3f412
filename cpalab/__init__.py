"""cpalab: a laboratory for cost per action (CPA). Its front doors by name, each opened when it is first asked for.

`simulate(load_scenario("dtc-apparel"))` gives a market whose truth is known, `compare(world)` puts attributed CPA beside
incremental CPA, `attribute(world)` and `read_data(files)` credit touches, `lift` reads lift tests from anyone's tables.
"""

from typing import TYPE_CHECKING

from cpalab.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from attribution.formats.registry import read_data as read_data
    from attribution.model import load_model as load_model
    from attribution.model import model_names as model_names
    from cpalab.refusal import Refused as Refused
    from cpalab.shown_progress import ShownProgress as ShownProgress
    from experiments import lift as lift
    from experiments.comparison.comparison import Comparison as Comparison
    from experiments.comparison.comparison import compare as compare
    from experiments.comparison.explain.explain import Explanation as Explanation
    from experiments.comparison.explain.explain import explain as explain
    from experiments.comparison.perfect_tracking import attribute as attribute
    from experiments.report.chart import chart as chart
    from experiments.rollout.change_file import load_plan as load_plan
    from experiments.rollout.rollout import Rollout as Rollout
    from experiments.rollout.rollout import roll_out as roll_out
    from experiments.truth.effects import Truth as Truth
    from experiments.truth.effects import measure_truth as measure_truth
    from simulator.engines.replacement import replace_steps as replace_steps
    from simulator.scenario.loading import load_scenario as load_scenario
    from simulator.stepping import open_market as open_market
    from simulator.storage import read_world as read_world
    from simulator.world import World as World
    from simulator.world import simulate as simulate

__version__ = "0.1.0"

CONTENTS = {
    "Comparison": "experiments.comparison.comparison",
    "Explanation": "experiments.comparison.explain.explain",
    "Refused": "cpalab.refusal",
    "Rollout": "experiments.rollout.rollout",
    "ShownProgress": "cpalab.shown_progress",
    "Truth": "experiments.truth.effects",
    "World": "simulator.world",
    "attribute": "experiments.comparison.perfect_tracking",
    "chart": "experiments.report.chart",
    "compare": "experiments.comparison.comparison",
    "explain": "experiments.comparison.explain.explain",
    "load_model": "attribution.model",
    "load_plan": "experiments.rollout.change_file",
    "load_scenario": "simulator.scenario.loading",
    "measure_truth": "experiments.truth.effects",
    "model_names": "attribution.model",
    "open_market": "simulator.stepping",
    "read_data": "attribution.formats.registry",
    "read_world": "simulator.storage",
    "replace_steps": "simulator.engines.replacement",
    "roll_out": "experiments.rollout.rollout",
    "simulate": "simulator.world",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, CONTENTS, {"lift": "experiments.lift"})
