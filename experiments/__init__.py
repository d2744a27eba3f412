"""Experiments: the questions asked of a simulated market, from truth and lift tests to the comparison of CPAs.

`compare(world)` is the main job, `measure_truth(world)` the twins, `attribute(world)` paths and credits.
"""

from typing import TYPE_CHECKING

from experiments.public_names import on_demand

if TYPE_CHECKING:
    from experiments.comparison import Comparison as Comparison
    from experiments.comparison import compare as compare
    from experiments.perfect_tracking import attribute as attribute
    from experiments.truth import Truth as Truth
    from experiments.truth import measure_truth as measure_truth

PUBLIC = {
    "Comparison": "comparison",
    "Truth": "truth",
    "attribute": "perfect_tracking",
    "compare": "comparison",
    "measure_truth": "truth",
}

__getattr__, __dir__ = on_demand(__name__, PUBLIC)
