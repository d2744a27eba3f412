"""The contract of an observational method, and how methods are found by name, entry point, `module:Class` or file."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Protocol, runtime_checkable

from cpalab.plugins import Registry
from cpalab.refusal import InvalidInputError, Problem
from experiments.bench.observational.people import PeopleSeen, people_seen
from simulator.world import World

__all__ = ["METHODS", "ObservationalMethod", "needs_scikit_learn", "observational_estimates"]

_ROOM = "experiments.bench.observational"


@runtime_checkable
class ObservationalMethod(Protocol):
    """A frozen object holding the method's parameters."""

    @property
    def name(self) -> str:
        """The method's name in tables."""
        ...

    def estimate(self, people: PeopleSeen) -> float:
        """The conversions that ads caused among the exposed; nan where nobody can be compared with them."""
        ...


# Name → module and class, in the order in which Gordon et al. (2019) compare them.
BUILT_IN: Mapping[str, str] = {
    "exposed_vs_unexposed": f"{_ROOM}.matching:ExposedVsUnexposed",
    "exact_matching": f"{_ROOM}.matching:ExactMatching",
    "propensity_matching": f"{_ROOM}.propensity:PropensityMatching",
    "propensity_weighting": f"{_ROOM}.propensity:PropensityWeighting",
    "regression_adjustment": f"{_ROOM}.regression:RegressionAdjustment",
    "double_machine_learning": f"{_ROOM}.double_machine_learning:DoubleMachineLearning",
}
METHODS: Registry[ObservationalMethod] = Registry(
    kind="observational method",
    place="observational method",
    group="cpalab.observational_methods",
    built_in=BUILT_IN,
    needs=("estimate(people)",),
    refusal=InvalidInputError,
)


def needs_scikit_learn(name: str) -> None:
    """Refuse, before any work, a method that cannot run here.

    Raises:
        InvalidInputError: scikit-learn is not installed.
    """
    if find_spec("sklearn") is None:
        raise InvalidInputError([Problem(name, "needs scikit-learn", hint="pip install 'cpalab[observational]'")])


def observational_estimates(
    world: World, methods: Iterable[ObservationalMethod], channels: Iterable[str]
) -> dict[str, dict[str, float]]:
    """What each method says that each channel's ads caused, in conversions: by method and channel."""
    seen = people_seen(world, channels)
    return {
        method.name: {channel: float(method.estimate(people)) for channel, people in seen.items()} for method in methods
    }
