"""The contract of a rollout: the multiplier that each reported figure must show, and how far chance may move it (factors).

Written by `cpalab rollout --contract`, read by `cpalab check-rollout`, which needs neither the scenario nor a simulation.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from cpalab.refusal import Problem, Refused

__all__ = ["ROLLOUT_CONTRACT", "Contract", "ContractRow", "Metric", "normal_quantile", "read_contract"]

ROLLOUT_CONTRACT = "cpalab rollout contract"
FORMAT = 1
Metric = Literal["cpa", "roas"]


@dataclass(frozen=True)
class ContractRow:
    """What one channel must show in one system.

    Attributes:
        channel, system, metric: which figure; channel `all` is every paid channel.
        expected: figure after ÷ figure before, if the planned change is all there is.
        lower, upper: what two periods of the contract's length show at the contract's volume; the whole table leaves its
            bands once in 1/(1 − level) rollouts.
        unknown: variance of ln expected, which the people simulated leave open.
        per_action_before, per_action_after: variance of the logarithm of a period's actions, times those actions: 1 for
            Poisson counts, more where one person acts often.
        spending: variance of the logarithm of one period's cost at the contract's volume.
        actions_before, actions_after: expected at that volume.
    """

    channel: str
    system: str
    metric: Metric
    expected: float
    lower: float
    upper: float
    unknown: float
    per_action_before: float
    per_action_after: float
    spending: float
    actions_before: float
    actions_after: float

    @property
    def key(self) -> tuple[str, str, str]:
        """Channel, system and metric."""
        return self.channel, self.system, self.metric

    def variance(self, before: float, after: float) -> tuple[float, float]:
        """Variances of ln(after ÷ before) from what stays fixed while a period fills, and from what fills it.

        The first is the earlier period's own chance and what is unknown about the multiplier, the second that of the later.

        Args:
            before, after: actions of the two periods.
        """
        filled = after / self.actions_after if self.actions_after > 0 else 1.0
        fixed = self.unknown + self.per_action_before / before + self.spending
        return fixed, self.per_action_after / after + self.spending / max(min(filled, 1.0), 1e-9)


@dataclass(frozen=True)
class Contract:
    """The bands a rollout is held to.

    Attributes:
        title: of the change.
        level: of the whole table.
        days: length of each period; people: size of the market that the bands hold for.
        scenario, change: SHA-256 of what was simulated and of what changes.
        cpalab: version that wrote it.
        rows: one per figure.
    """

    title: str
    level: float
    days: float
    people: int
    scenario: str
    change: str
    cpalab: str
    rows: tuple[ContractRow, ...]

    def to_json(self) -> str:
        """The contract as a file; figures that do not exist are null."""
        table: dict[str, Any] = {"kind": ROLLOUT_CONTRACT, "format": FORMAT} | asdict(self)
        table["rows"] = [{name: _or_none(value) for name, value in row.items()} for row in table["rows"]]
        return json.dumps(table, indent=1) + "\n"


def read_contract(path: str | Path) -> Contract:
    """A contract from its file.

    Raises:
        Refused: no such file, no contract, or one of another format; every problem at once.
    """
    place, hint = str(path), "cpalab rollout … --contract FILE writes one"
    try:
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise Refused([Problem(place, f"cannot be read ({reason})", hint=hint)]) from None
    if not isinstance(table, dict) or table.get("kind") != ROLLOUT_CONTRACT:
        raise Refused([Problem(place, "is no contract of a rollout", hint=hint)])
    if table.get("format") != FORMAT:
        hint = "write the contract anew with this version of cpalab"
        raise Refused([Problem(f"{place}: format", f"must be {FORMAT}", repr(table.get("format")), hint)])
    rows = table.get("rows")
    problems = _field_problems(place, table, Contract)
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        problems += _field_problems(f"{place}: rows.{number}", row, ContractRow)
    if not isinstance(rows, list) or not rows:
        problems.append(Problem(f"{place}: rows", "must list at least one figure"))
    if problems:
        raise Refused(problems)
    numbers = [{name: math.nan if value is None else value for name, value in row.items()} for row in table["rows"]]
    words = {field.name: table[field.name] for field in fields(Contract) if field.name != "rows"}
    return Contract(**words, rows=tuple(ContractRow(**row) for row in numbers))  # type: ignore[arg-type]  # checked above


def _field_problems(place: str, given: Any, wanted: type[Contract] | type[ContractRow]) -> list[Problem]:
    """What a table lacks, has too much of, or has of another kind than the fields of a class."""
    if not isinstance(given, Mapping):
        return [Problem(place, "must be a table", repr(given)[:40])]
    known = {field.name: field.type for field in fields(wanted)}
    extra = {"kind", "format"} if wanted is Contract else set()
    problems = [Problem(f"{place}.{name}", "is missing") for name in known if name not in given]
    problems += [Problem(f"{place}.{name}", "is unknown") for name in given if name not in {*known, *extra}]
    for name, kind in known.items():
        value = given.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind in (float, int) and not (is_number or (value is None and wanted is ContractRow)) and name in given:
            problems.append(Problem(f"{place}.{name}", "must be a number", repr(value)[:40]))
        if kind not in (float, int) and name not in ("rows", "metric") and not isinstance(value, str) and name in given:
            problems.append(Problem(f"{place}.{name}", "must be text", repr(value)[:40]))
    if wanted is ContractRow and given.get("metric") not in ("cpa", "roas", None):
        problems.append(Problem(f"{place}.metric", "must be cpa or roas", repr(given["metric"])[:40]))
    return problems


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def normal_quantile(level: float, rows: int) -> float:
    """Z such that all of so many figures stay within ± z errors with this probability (Bonferroni)."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - (1 - level) / 2 / max(rows, 1))
