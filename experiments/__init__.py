"""Experiments: the questions asked of a simulated market, from truth and lift tests to the comparison of CPAs.

`compare(world)` is the main job, `measure_truth(world)` the twins, `attribute(world)` paths and credits,
`leaderboard(models)` judges models by the truth, `sweep(scenario, vary)` asks many worlds.
"""

from typing import TYPE_CHECKING

from cpalab.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from experiments.bench.leaderboard import leaderboard as leaderboard
    from experiments.bench.optimise.optimise import Optimised as Optimised
    from experiments.bench.optimise.optimise import optimise as optimise
    from experiments.bench.sweep import sweep as sweep
    from experiments.comparison.comparison import Comparison as Comparison
    from experiments.comparison.comparison import compare as compare
    from experiments.comparison.explain.explain import Explanation as Explanation
    from experiments.comparison.explain.explain import explain as explain
    from experiments.comparison.perfect_tracking import attribute as attribute
    from experiments.truth.effects import Truth as Truth
    from experiments.truth.effects import measure_truth as measure_truth

CONTENTS = {
    "Comparison": "experiments.comparison.comparison",
    "Explanation": "experiments.comparison.explain.explain",
    "Optimised": "experiments.bench.optimise.optimise",
    "Truth": "experiments.truth.effects",
    "attribute": "experiments.comparison.perfect_tracking",
    "compare": "experiments.comparison.comparison",
    "explain": "experiments.comparison.explain.explain",
    "leaderboard": "experiments.bench.leaderboard",
    "measure_truth": "experiments.truth.effects",
    "optimise": "experiments.bench.optimise.optimise",
    "sweep": "experiments.bench.sweep",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, CONTENTS)
