"""The contract of a geo method, and how methods are found: by name, entry point, `module:Class` or `FILE.py:Class`."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from cpalab.plugins import Registry
from cpalab.refusal import LiftInputError
from experiments.lift.geo.panel import GeoExperiment
from experiments.lift.geo.result import GeoLiftTest

__all__ = ["BUILT_IN", "GEO_METHODS", "GeoMethod", "find_geo_method", "needs_pairs", "with_pairs"]

BUILT_IN: Mapping[str, str] = {
    "auto": "experiments.lift.geo.methods.default:DefaultMethod",
    "tbr": "experiments.lift.geo.methods.tbr:TimeBasedRegression",
    "gbr": "experiments.lift.geo.methods.gbr:GeoBasedRegression",
    "did": "experiments.lift.geo.methods.did:DifferenceInDifferences",
    "synthetic_control": "experiments.lift.geo.methods.synthetic_control:SyntheticControl",
    "augmented_synthetic_control": "experiments.lift.geo.methods.synthetic_control:AugmentedSyntheticControl",
    "synthetic_did": "experiments.lift.geo.methods.synthetic_did:SyntheticDid",
    "trimmed_match": "experiments.lift.geo.methods.trimmed_match:TrimmedMatchMethod",
    "structural": "experiments.lift.geo.methods.structural:StructuralTimeSeries",
}


class GeoMethod(Protocol):
    """A frozen object holding a method's parameters; `read` predicts what treated geos would have done without the change.

    A method that compares pairs of geos has a field `pairs`, names of the two geos of each, and is given those of the
    design where it names none itself.

    Example:
        >>> from dataclasses import dataclass
        >>> from experiments.lift import difference_in_differences
        >>> from experiments.lift.testing import example_experiment
        >>> @dataclass(frozen=True)
        ... class Additive:
        ...     name = "additive"
        ...
        ...     def read(self, experiment, levels=(0.90, 0.95)):
        ...         return difference_in_differences(experiment, levels, scaling="additive")
        >>> round(Additive().read(example_experiment(lift=0.3)).lift.relative_lift, 1)
        0.3
    """

    @property
    def name(self) -> str:
        """What the method is called on the command line and in tables."""

    def read(self, experiment: GeoExperiment, levels: Sequence[float] = (0.90, 0.95)) -> GeoLiftTest:
        """The incremental response of the treated geos over the window, with intervals at these confidence levels.

        Raises:
            LiftInputError: the experiment cannot be read by this method; all problems at once.
        """


GEO_METHODS: Registry[GeoMethod] = Registry(
    kind="geo method",
    place="method",
    group="cpalab.geo_methods",
    built_in=BUILT_IN,
    needs=("read(experiment, levels)",),
    refusal=LiftInputError,
)


def find_geo_method(given: GeoMethod | type | str, **parameters: Any) -> GeoMethod:
    """A geo method from its name, `name(parameter=value)`, `module:Class`, `FILE.py:Class`, its class or itself.

        find_geo_method("tbr(errors='independent')").read(experiment)

    Args:
        given: what was asked for.
        parameters: of the method, checked against the annotations of its class.

    Raises:
        LiftInputError: there is no such method, it is none, or it does not take these parameters.

    Example:
        >>> from experiments.lift import find_geo_method
        >>> find_geo_method("tbr(errors='independent')").name
        "tbr(errors='independent')"
    """
    return GEO_METHODS.find(given, **parameters)


def needs_pairs(method: GeoMethod) -> bool:
    """Whether the method compares pairs of geos, and has not been told which."""
    return getattr(method, "pairs", None) == () and dataclasses.is_dataclass(type(method))


def with_pairs(method: GeoMethod, pairs: Sequence[tuple[str, str]]) -> GeoMethod:
    """The method with the pairs of the design, where it compares pairs and names none itself; else as it is."""
    if not needs_pairs(method):
        return method
    return cast(GeoMethod, dataclasses.replace(cast(Any, method), pairs=tuple(pairs)))
