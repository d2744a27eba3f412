"""Experiments: the questions asked of a simulated market, from truth and lift tests to the comparison of CPAs.

`compare(world)` is the main job, `measure_truth(world)` the twins, `attribute(world)` paths and credits.
"""

import importlib
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for: importing the package costs nothing."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(PUBLIC)
