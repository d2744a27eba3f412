"""The registry of processes: by name, by `module:Name` or `FILE.py:Name`, or as a generator function or an object."""

import functools
import inspect
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Protocol

from cpalab.own_code import written_module
from cpalab.parameters import split_call
from cpalab.plugins import Registry
from cpalab.refusal import Problem, Refused, ScenarioError
from simulator.market.advertiser.desk import Desk
from simulator.market.advertiser.places import campaigns_at
from simulator.scenario.build_law import Names
from simulator.scenario.schema import Scenario


class MarketProcess(Protocol):
    """A process with parameters: an object with a name that makes the generator the market resumes."""

    @property
    def name(self) -> str:
        """The author of what it changes."""

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Read, act, and wait: `yield market.timeout(days)` or `yield market.published`."""


BUILT_IN: Mapping[str, str] = {
    "automated_campaign": "simulator.market.processes.automated_campaign:AutomatedCampaign",
    "budget_by_cpa": "simulator.market.processes.budget_by_cpa:BudgetByCpa",
    "creative_rotation": "simulator.market.processes.creative_rotation:CreativeRotation",
    "pause_by_cpa": "simulator.market.processes.pause_by_cpa:PauseByCpa",
    "reacting_rival": "simulator.market.processes.reacting_rival:ReactingRival",
    "scale_on_marginal_cpa": "simulator.market.processes.scale_on_marginal_cpa:ScaleOnMarginalCpa",
    "target_cpa": "simulator.market.processes.target_bidding:TargetCpa",
    "target_roas": "simulator.market.processes.target_bidding:TargetRoas",
}

PROCESSES: Registry[MarketProcess] = Registry(
    kind="process",
    place="process",
    group="cpalab.processes",
    built_in=BUILT_IN,
    needs=("run(market)",),
    refusal=ScenarioError,
)

Given = str | MarketProcess | type | Callable[[Desk], Any]


@dataclass(frozen=True)
class Acting:
    """A process that acts in a market.

    Attributes:
        author: what its acts are signed with.
        run: makes its generator, from the desk.
        written: how it is found again; empty where it cannot be.
        plays_rival: whether it acts for the rivals.
    """

    author: str
    run: Callable[[Desk], Any]
    written: str = ""
    plays_rival: bool = False


def processes_of(scenario: Scenario, given: Iterable[Given | Acting] = ()) -> tuple[Acting, ...]:
    """The processes that a scenario declares, and those given besides, each with an author's name of its own.

    Raises:
        ScenarioError: with everything that is wrong with any of them.
    """
    problems: list[Problem] = []
    found = list(_declared(scenario, problems))
    many: Any = given
    if isinstance(many, str) or not isinstance(many, Iterable):
        rule, hint = "must be a list of processes", "write processes=[my_process]"
        raise ScenarioError([*problems, Problem("processes", rule, repr(given), hint)])
    for one in given:
        try:
            found.append(one if isinstance(one, Acting) else find_process(one))
        except Refused as error:
            problems += error.problems
    for acting in found:
        problems += _strangers(scenario, acting)
    if problems:
        raise ScenarioError(problems)
    return tuple(_with_own_names(found))


def _strangers(scenario: Scenario, acting: Acting) -> Iterable[Problem]:
    """The campaigns that a rule names (`campaign`, `campaigns`, `channel`) and the scenario does not have."""
    rule, names = getattr(acting.run, "__self__", None), Names.of(scenario)
    if not is_dataclass(rule):
        return
    for field in ("campaign", "campaigns", "channel"):
        given = getattr(rule, field, ())
        for place in (given,) if isinstance(given, str) else given:
            try:
                campaigns_at(names, place)
            except ScenarioError as error:
                yield replace(error.problems[0], place=f"processes.{acting.author}.{field}")


def find_process(given: Given, **parameters: Any) -> Acting:
    """The process that is meant by a name, a place, a function or an object.

    Raises:
        ScenarioError: there is none, or it does not take these parameters.
    """
    found: Any = given
    written = label = ""
    if isinstance(given, str):
        name, typed, problems = split_call(given, "process")
        if problems:
            raise ScenarioError(problems)
        written, label = given, name.rpartition(":")[2].rpartition(".")[2]
        parameters = typed | parameters
        found = PROCESSES.load(name) if ":" in name else name
    if isinstance(found, str) or inspect.isclass(found) or hasattr(found, "run"):
        made = PROCESSES.find(found, **parameters)
        return Acting(made.name, made.run, written or _place(made), getattr(made, "plays", "") == "rival")
    if not callable(found):
        hint = "give a generator function, or an object with name and run(market)"
        raise ScenarioError([Problem("process", "is no process", repr(found), hint)])
    label = label or str(getattr(found, "__name__", type(found).__name__))
    if parameters:
        try:
            inspect.signature(found).bind(None, **parameters)
        except TypeError as error:
            raise ScenarioError([Problem("process", f"does not take these parameters ({error})", label)]) from None
    run = functools.partial(found, **parameters) if parameters else found
    plays = getattr(found, "plays", "") == "rival"
    return Acting(label, run, written or _place(found), plays)


def _place(found: Any) -> str:
    """`module:Name` where that can be found again in another run; else nothing."""
    of = found if inspect.isfunction(found) or inspect.isclass(found) else type(found)
    module, name = getattr(of, "__module__", None), getattr(of, "__qualname__", "")
    there: Any = sys.modules.get(module or "")
    for part in name.split("."):
        there = getattr(there, part, None)
    if there is not of or module in ("__main__", "builtins"):
        return ""
    shown = getattr(found, "name", "") if of is type(found) else ""
    brackets = shown[shown.find("(") :] if isinstance(shown, str) and "(" in shown else ""
    return f"{written_module(str(module))}:{name}{brackets}"


def _declared(scenario: Scenario, problems: list[Problem]) -> Iterable[Acting]:
    for name, process in scenario.processes.items():
        try:
            found = find_process(process.use, **process.parameters())
        except Refused as error:
            inside = [problem.place.partition(".")[2] or "use" for problem in error.problems]
            problems += [
                Problem(f"processes.{name}.{where}", problem.rule, problem.value, problem.hint)
                for where, problem in zip(inside, error.problems, strict=True)
            ]
            continue
        yield Acting(name, found.run, found.written, found.plays_rival)


def _with_own_names(found: Iterable[Acting]) -> Iterable[Acting]:
    taken: dict[str, int] = {}
    for one in found:
        taken[one.author] = count = taken.get(one.author, 0) + 1
        yield one if count == 1 else Acting(f"{one.author} {count}", one.run, one.written, one.plays_rival)
