"""The points of a sweep: values of each parameter that varies, crossed (grid) or spread over their ranges (Sobol)."""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from cpalab.number_text import number_of
from cpalab.refusal import InvalidInputError, Problem, ScenarioError, did_you_mean
from simulator.scenario.loading import load_scenario, parse_override
from simulator.scenario.schema import Scenario

__all__ = ["DesignName", "Point", "Span", "parse_variations", "points_of", "scenario_of"]

DesignName = Literal["grid", "sobol"]
MOST_POINTS = 100_000
MOST_SHOWN = 20


@dataclass(frozen=True)
class Span:
    """A range of a parameter: `steps` values from `low` to `high` in a grid, all of it in a Sobol design."""

    low: float
    high: float
    steps: int = 5

    def at(self, share: float) -> float:
        """The value at this share of the way."""
        return self.low + share * (self.high - self.low)


Variation = Span | Sequence[Any]


@dataclass(frozen=True)
class Point:
    """One setting of all parameters.

    Attributes:
        number: its place in the design.
        sample: in a Sobol design, which sample of the two it belongs to: "A", "B", or "AB:PATH", A with one parameter of B.
        values: parameter by dotted path, and its value.
    """

    number: int
    sample: str
    values: tuple[tuple[str, Any], ...]


def parse_variations(texts: Iterable[str]) -> dict[str, Variation]:
    """Parameters that vary, from `path=a,b,c` and `path=lo..hi:n`.

    Raises:
        InvalidInputError: every text that is neither, or a path that is given twice.
    """
    found: dict[str, Variation] = {}
    problems = []
    for text in texts:
        path, equals, values = (part.strip() for part in text.partition("="))
        if not (path and equals and values):
            hint = "write path=a,b,c or path=lo..hi:n"
            problems.append(Problem("--vary", "is no path with values", repr(text), hint))
        elif path in found:
            problems.append(Problem("--vary", "is given twice", path, "give all its values at once"))
        elif ".." in values:
            spread = re.fullmatch(r"(.+)\.\.([^:]+)(?::(.+))?", values)
            low, high, steps = (
                (number_of(spread[1]), number_of(spread[2]), number_of(spread[3] or "5")) if spread else (None,) * 3
            )
            if low is None or high is None or not isinstance(steps, int) or steps < 2 or low >= high:
                rule = "must rise from a number to a greater one, in two steps or more"
                problems.append(Problem(f"--vary {path}", rule, values, "write 0.5..2:4, in decimal digits"))
            else:
                found[path] = Span(low, high, steps)
        else:
            found[path] = tuple(parse_override(f"{path}={value}")[1] for value in _items(values))
    if problems:
        raise InvalidInputError(problems)
    return found


def _items(values: str) -> list[str]:
    """The values between commas, but for commas in brackets and quotes."""
    parts = re.findall(r"(?:\[[^\]]*\]|\{[^}]*\}|\"[^\"]*\"|'[^']*'|[^,])+", values)
    return [part.strip() for part in parts]


def points_of(
    base: Scenario, vary: Mapping[str, Variation], design: DesignName = "grid", samples: int = 64, seed: int = 1
) -> tuple[Point, ...]:
    """All points of a design; every one of them is a valid scenario.

    Args:
        base: the scenario, which says where a whole number is meant.
        vary: the parameters that vary.
        design: `grid` crosses their values; `sobol` spreads them over their ranges as first-order indices need it:
            `samples` × (parameters + 2) points.
        samples: of a Sobol design, a power of two.
        seed: of a Sobol design's scrambling.

    Raises:
        InvalidInputError: with every problem: nothing varies, values given twice, too many points, a scenario refused.
    """
    problems = []
    if design not in get_args(DesignName):
        problems.append(Problem("design", "is unknown", repr(design), did_you_mean(design, get_args(DesignName))))
    if not vary:
        problems.append(Problem("vary", "nothing varies", hint="give a parameter and its values: path=a,b,c"))
    tables = base.model_dump()
    for path, values in vary.items():
        if path == "run.seed":
            problems.append(Problem(f"vary {path}", "is set by seeds", hint="say how many seeds instead"))
        if not isinstance(values, Span) and len({repr(value) for value in values}) < max(len(values), 2):
            rule = "must be at least two values, each once"
            problems.append(Problem(f"vary {path}", rule, ", ".join(map(str, values))))
    if samples < 2 or samples & (samples - 1):
        problems.append(Problem("samples", "must be a power of two", str(samples), "such as 64"))
    count = int(np.prod([v.steps if isinstance(v, Span) else len(v) for v in vary.values()], dtype=float))
    if (count if design == "grid" else samples * (len(vary) + 2)) > MOST_POINTS:
        problems.append(Problem("vary", f"makes more than {MOST_POINTS:,} points", hint="give fewer values"))
    if problems:
        raise InvalidInputError(problems)
    whole = {
        path: isinstance(_value_at(tables, path), int) and not isinstance(_value_at(tables, path), bool)
        for path in vary
    }
    return _crossed(vary, whole) if design == "grid" else _spread(vary, whole, samples, seed)


def scenario_of(source: Any, overrides: Mapping[str, Any], point: Point) -> Scenario:
    """The scenario at a point."""
    return load_scenario(source, {**overrides, **dict(point.values)})


def check_points(source: Any, overrides: Mapping[str, Any], points: Sequence[Point]) -> None:
    """Refuse a design of which a point is no valid scenario, before any work.

    Raises:
        InvalidInputError: the first problems, with the point.
    """
    told: dict[str, Problem] = {}
    for point in points:
        try:
            scenario_of(source, overrides, point)
        except ScenarioError as error:
            for problem in error.problems:
                told.setdefault(problem.place, problem)
        if len(told) >= MOST_SHOWN:
            break
    if told:
        raise InvalidInputError(list(told.values()))


def _crossed(vary: Mapping[str, Variation], whole: Mapping[str, bool]) -> tuple[Point, ...]:
    levels = [
        dict.fromkeys(_typed(x, whole[path]) for x in np.linspace(v.low, v.high, v.steps).tolist())
        if isinstance(v, Span)
        else list(v)
        for path, v in vary.items()
    ]
    crossed = itertools.product(*levels)
    return tuple(Point(i, "grid", tuple(zip(vary, values, strict=True))) for i, values in enumerate(crossed))


def _spread(vary: Mapping[str, Variation], whole: Mapping[str, bool], samples: int, seed: int) -> tuple[Point, ...]:
    """Samples A and B of one scrambled Sobol sequence, and for each parameter A with that column of B (Saltelli 2010)."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(2 * len(vary), seed=seed).random(samples)
    a, b = sequence[:, : len(vary)], sequence[:, len(vary) :]
    tables = {"A": a, "B": b}
    for column, path in enumerate(vary):
        mixed = a.copy()
        mixed[:, column] = b[:, column]
        tables[f"AB:{path}"] = mixed
    points: list[Point] = []
    for sample, table in tables.items():
        for row in table.tolist():
            values = tuple(
                (path, _typed(v.at(x), whole[path]) if isinstance(v, Span) else v[min(int(x * len(v)), len(v) - 1)])
                for (path, v), x in zip(vary.items(), row, strict=True)
            )
            points.append(Point(len(points), sample, values))
    return tuple(points)


def _typed(value: float, whole: bool) -> float | int:
    return round(value) if whole else value


def _value_at(tables: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(tables, list | tuple):
            tables = tables[int(part)] if part.isdigit() and int(part) < len(tables) else None
        else:
            tables = tables.get(part) if isinstance(tables, Mapping) else None
    return tables
