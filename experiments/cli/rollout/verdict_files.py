"""The verdict of the gate for other tools: JUnit XML, ten lines of Markdown, and a dbt test in SQL."""

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from experiments.rollout.check_rollout import GateRow, GateVerdict
    from experiments.rollout.contract import Contract

MOST_LINES = 10
SKIPPED = ("too few actions", "no figure", "not in the contract")


def as_junit(found: "GateVerdict") -> str:
    """One test case per figure: outside is a failure, what cannot be judged is skipped."""
    outside = found.of("outside")
    skipped = found.of(*SKIPPED)  # type: ignore[arg-type]  # words of the verdict
    totals = {"tests": len(found.rows), "failures": len(outside), "skipped": len(skipped)}
    suite = ElementTree.Element("testsuite", {"name": "cpalab check-rollout"} | {k: str(v) for k, v in totals.items()})
    for row in found.rows:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"{row.system}.{row.metric}", name=_clean(row.channel)
        )
        if row.verdict == "outside":
            ElementTree.SubElement(case, "failure", message=_clean(str(row)))
        elif row.verdict in SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_clean(str(row)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def as_markdown(found: "GateVerdict") -> str:
    """The verdict and a table of at most ten lines in all, the worst figures first."""
    head = [f"**{found.verdict()}**", "", "| figure | seen × | expected × | band | |", "|---|---:|---:|---:|---|"]
    rows = [row for row in found.rows if row.verdict in ("within", "outside")]
    room = MOST_LINES - len(head)
    shown = rows if len(rows) <= room else rows[: room - 1]
    lines = [_markdown_row(row) for row in shown]
    if len(shown) < len(rows):
        lines.append(f"| … and {len(rows) - len(shown)} more | | | | |")
    return "\n".join([*head, *lines]) + "\n"


def _markdown_row(row: "GateRow") -> str:
    name = f"{row.channel} · {row.system}" + (" · ROAS" if row.metric == "roas" else "")
    seen = "–" if math.isnan(row.seen) else f"{row.seen:z.2f}"
    escaped = _clean(name).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
    return f"| {escaped} | {seen} | {row.expected:z.2f} | {row.lower:z.2f} to {row.upper:z.2f} | {row.verdict} |"


def as_dbt(contract: "Contract", model: str) -> str:
    """A dbt test: a query that returns the figures outside of their bands, from a model with a row per channel and system.

    The model has channel, system, cost_before, conversions_before, cost_after, conversions_after. The bands widen with the
    model's own counts, as `cpalab check-rollout` widens them.
    """
    from experiments.rollout.check_rollout import FEWEST_ACTIONS
    from experiments.rollout.contract import normal_quantile

    rows = [row for row in contract.rows if row.metric == "cpa" and math.isfinite(row.expected)]
    bands = ",\n    ".join(
        f"({_sql(row.channel)}, {_sql(row.system)}, {row.expected!r}, {row.unknown + 2 * row.spending!r}, "
        f"{row.per_action_before!r}, {row.per_action_after!r})"
        for row in rows
    )
    z = normal_quantile(contract.level, len(rows))
    return f"""-- Written by cpalab {contract.cpalab} from a rollout contract. Returns the figures outside of their bands.
with bands (channel, system, expected, fixed_variance, per_action_before, per_action_after) as (
  values
    {bands}
),
figures as (
  select b.*, f.conversions_before, f.conversions_after,
    (f.cost_after / f.conversions_after) / (f.cost_before / f.conversions_before) as seen
  from bands b join {{{{ ref('{model}') }}}} f on f.channel = b.channel and f.system = b.system
  where f.conversions_before >= {FEWEST_ACTIONS} and f.conversions_after >= {FEWEST_ACTIONS} and f.cost_before > 0
    and f.cost_after > 0
)
select channel, system, seen, expected
from figures
where abs(ln(seen / expected)) > {z!r} * sqrt(
  fixed_variance + per_action_before / conversions_before + per_action_after / conversions_after
)
"""


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _clean(text: str) -> str:
    """The text without control characters, which XML and terminals do not take."""
    return "".join(c if c.isprintable() else " " for c in text)
