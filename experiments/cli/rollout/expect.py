"""`cpalab expect`: the CPA shift that planned changes must bring, at once, from a team's own counts."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cpalab.refusal import Problem
    from experiments.rollout.expect import Expected, TodaysFigure


@click.command()
@click.argument("channels", metavar="CHANNELS")
@click.option("--change", metavar="CHANGE", help="Change file (TOML) whose changes are faults of the library.")
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME[=SIZE]", help="A fault (see cpalab faults); repeatable."
)
@click.option(
    "--rate", "rates", multiple=True, metavar="NAME=VALUE", help="What is known: view=0.35, or consent=0.5..0.7."
)
@click.option(
    "--lag", type=click.Path(path_type=Path), metavar="CSV", help="Your conversion lag: days, share within them."
)
@click.option(
    "--contract", type=click.Path(path_type=Path), metavar="FILE", help="Write bands for cpalab check-rollout."
)
@click.option("--days", type=click.FloatRange(min=0, min_open=True), default=28.0, show_default=True,
              help="Length of the period in CHANNELS, for the contract.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    channels: str, change: str | None, faults: tuple[str, ...], rates: tuple[str, ...], lag: Path | None,
    contract: Path | None, days: float, as_json: bool,
) -> None:  # fmt: skip
    """Expected CPA shift by closed form: no scenario, no simulation.

    CHANNELS is a table with channel, system (platform, analytics or crm), cost and conversions of a period before the change.
    Rates that you do not give run over a range, and so does the answer. Known rates: pixel, server, match, safari,
    visits_per_order, first_steps_per_order, click_days, view, log_in, same_session, consent, recovered.
    """
    from cpalab.refusal import Problem, Refused
    from cpalab.whole_output import whole_file
    from experiments.rollout.change_file import faults_in
    from experiments.rollout.expect import expect

    problems: list[Problem] = []
    if change is None and not faults:
        problems.append(Problem("--change or --fault", "must say what will change"))
    asked = [(word.partition("=")[0], _size(word, problems)) for word in faults]
    known = dict(_rate(text, problems) for text in rates)
    if problems:
        raise Refused(problems)
    planned = [*(faults_in(change) if change is not None else []), *asked]
    found = expect(_figures(channels), planned, known, None if lag is None else _lag(lag))
    if contract is not None:
        with whole_file(contract) as file:
            file.write_text(found.contract(days=days).to_json(), encoding="utf-8")
    _show(found, as_json)


def _size(word: str, problems: "list[Problem]") -> float | None:
    _, equals, text = word.partition("=")
    return _number("--fault", text, problems) if equals else None


def _rate(text: str, problems: "list[Problem]") -> tuple[str, float | tuple[float, float]]:
    name, _, value = text.partition("=")
    low, dots, high = value.partition("..")
    ends = _number("--rate", low, problems), _number("--rate", high, problems) if dots else 0.0
    return name.strip(), ends if dots else ends[0]


def _number(place: str, text: str, problems: "list[Problem]") -> float:
    import math

    from cpalab.refusal import Problem

    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        problems.append(Problem(place, "must be a number", repr(text), "write view=0.35 or consent=0.5..0.7"))
        return 0.0
    return value


def _figures(path: str) -> "Sequence[TodaysFigure]":
    """Today's figures from a table."""
    from experiments.rollout.expect import TodaysFigure
    from experiments.rollout.seen_periods import read_table

    rows = read_table(path, ("channel", "system", "cost", "actions"))
    return [TodaysFigure(r["channel"], r["system"], r["cost"], r["actions"]) for r in rows]


def _lag(path: Path) -> "Sequence[tuple[float, float]]":
    """The points of a conversion lag: rising days and shares."""
    from cpalab.refusal import Problem, Refused
    from cpalab.tables.frames import read_frame

    frame, _ = read_frame(path)
    columns = {str(name).strip().casefold(): name for name in frame.columns}
    if not {"days", "share"} <= columns.keys():
        raise Refused([Problem(str(path), "must have the columns days and share", hint=f"it has {', '.join(columns)}")])
    points = [(float(d), float(s)) for d, s in zip(frame[columns["days"]], frame[columns["share"]], strict=True)]
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(points))
    if not points or not rising or not all(d > 0 and 0 <= s <= 1 for d, s in points):
        raise Refused([Problem(str(path), "days must rise from above 0, and shares from 0 to at most 1 with them")])
    return points


def _show(found: "Expected", as_json: bool) -> None:
    from experiments.cli.terminal import console, print_json

    if as_json:
        print_json(
            {"shifts": found.to_frame().to_dict("records"), "assumed": dict(found.assumed), "summary": found.summary()}
        )
        return
    for s in found.shifts:
        band = (
            ""
            if s.alert_lower != s.alert_lower
            else f"; suspect a bug outside × {s.alert_lower:z.2f} to {s.alert_upper:z.2f}"
        )
        shift = "no closed form" if s.expected != s.expected else f"CPA {s.cpa_today:z,.2f} × {s.expected:z.2f}{band}"
        console().print(f"{s.channel} · {s.system}: {shift}", markup=False, highlight=False)
    console().print(found.summary(), markup=False, highlight=False)
