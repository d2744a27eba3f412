"""Signals: whose word budgets follow: a system, an attribution model, lift tests, the truth (conversions per channel)."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from attribution.model import MODELS, AttributionModel
from attribution.paths.build import build_paths
from cpalab.own_code import OwnCodeError, load_own_code
from cpalab.parameters import split_call
from cpalab.refusal import Problem, Refused, ScenarioError, did_you_mean
from experiments.comparison.perfect_tracking import LAST_CLICK_SETTINGS, touches_and_orders
from experiments.designs.users.scenario_holdouts import holdout_tests
from experiments.truth.effects import measure_truth
from simulator.record.record import record
from simulator.world import World

SYSTEMS = ("platform", "analytics", "crm")
OTHERS = ("lift_test", "truth")


class Signal(Protocol):
    """What tells how many conversions each channel brought; made by a name, or a class of one's own with these two.

    A class of one's own may say `runs_lift_tests = True`: then the scenario's holdouts run in its worlds, as in those that
    follow `lift_test`; in all others they do not.
    """

    @property
    def name(self) -> str:
        """What the signal is called."""

    def conversions(self, world: World) -> Mapping[str, float]:
        """Conversions of the reported window so far, per channel."""


@dataclass(frozen=True)
class SystemSignal:
    """What a system's report shows, as it is read at the end of the window so far."""

    name: str

    def conversions(self, world: World) -> Mapping[str, float]:
        """The system's conversions, modelled ones included."""
        return record(world).conversions(self.name)


@dataclass(frozen=True)
class ModelSignal:
    """What an attribution model credits under perfect tracking."""

    name: str
    model: AttributionModel

    def conversions(self, world: World) -> Mapping[str, float]:
        """The model's credits."""
        paths = build_paths(*touches_and_orders(world), LAST_CLICK_SETTINGS)
        credit = self.model.fit(paths).credit(paths)
        return dict(zip(credit.channels, map(float, credit.conversions), strict=True))


@dataclass(frozen=True)
class LiftTestSignal:
    """What the scenario's own holdouts find: effect per person × everyone; a test without a reading says nothing."""

    name: str = "lift_test"
    runs_lift_tests: bool = True

    def conversions(self, world: World) -> Mapping[str, float]:
        """Incremental conversions by the point estimates, which pay no heed to their intervals."""
        tests = {channel: test.conversions for channel, test in holdout_tests(world).items() if test is not None}
        return {channel: test.lift.difference * test.treated.users for channel, test in tests.items()}


@dataclass(frozen=True)
class TruthSignal:
    """What each channel really caused so far: its ads off against on, each by itself."""

    name: str = "truth"

    def conversions(self, world: World) -> Mapping[str, float]:
        """Incremental conversions by twin worlds."""
        effects = measure_truth(world, estimands=("average",)).effects
        return {effect.channel: float(effect.incremental_conversions) for effect in effects}


def find_signals(asked: Sequence[Signal | str]) -> tuple[Signal, ...]:
    """The signals that are meant, in the order given.

    Raises:
        ScenarioError: with everything that is wrong with any of them; one may be given only once.
    """
    found: list[Signal] = []
    problems: list[Problem] = []
    for one in asked:
        try:
            found.append(_found(one) if isinstance(one, str) else one)
        except Refused as error:
            problems += error.problems
    names = [signal.name for signal in found]
    problems += [
        Problem("--by", "is given twice", repr(name)) for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    if not asked:
        problems.append(Problem("--by", "must name at least one signal", hint="write --by last_click --by truth"))
    if problems:
        raise ScenarioError(problems)
    return tuple(found)


def _found(written: str) -> Signal:
    name, parameters, problems = split_call(written, "--by")
    if problems:
        raise ScenarioError(problems)
    if name in (*SYSTEMS, *OTHERS):
        if parameters:
            raise ScenarioError([Problem("--by", "takes no parameters", repr(written))])
        return SystemSignal(name) if name in SYSTEMS else LiftTestSignal() if name == "lift_test" else TruthSignal()
    if ":" in name and hasattr(own := _own(name), "conversions"):
        try:
            signal: Any = own(**parameters) if inspect.isclass(own) else own
        except TypeError as error:
            raise ScenarioError([Problem("--by", f"cannot be made ({error})", repr(written))]) from error
        if not getattr(signal, "name", ""):
            raise ScenarioError([Problem("--by", "has no `name`", repr(written), "give it a name, which is text")])
        return cast(Signal, signal)
    if ":" not in name and name not in MODELS.names():
        known = [*SYSTEMS, *OTHERS, *MODELS.names()]
        rule = "is no signal: no system, no attribution model"
        raise ScenarioError([Problem("--by", rule, repr(name), did_you_mean(name, known))])
    model = MODELS.find(written)
    return ModelSignal(model.name, model)


def _own(place: str) -> Any:
    try:
        return load_own_code(place)
    except OwnCodeError as error:
        raise ScenarioError([Problem("--by", error.rule, repr(place), error.hint)]) from error
