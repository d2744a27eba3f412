"""`cpalab expect`: the CPA shift that planned changes must bring, at once, from a team's own counts."""

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
    from experiments.cli.rates import lag_points, rate
    from experiments.rollout.change_file import faults_in
    from experiments.rollout.expect import expect

    problems: list[Problem] = []
    if change is None and not faults:
        problems.append(Problem("--change or --fault", "must say what will change"))
    asked = [(word.partition("=")[0], _size(word, problems)) for word in faults]
    known = dict(rate(text, problems) for text in rates)
    if problems:
        raise Refused(problems)
    planned = [*(faults_in(change) if change is not None else []), *asked]
    found = expect(_figures(channels), planned, known, None if lag is None else lag_points(lag))
    if contract is not None:
        with whole_file(contract) as file:
            file.write_text(found.contract(days=days).to_json(), encoding="utf-8")
    _show(found, as_json)


def _size(word: str, problems: "list[Problem]") -> float | None:
    from experiments.cli.rates import number

    _, equals, text = word.partition("=")
    return number("--fault", text, problems) if equals else None


def _figures(path: str) -> "Sequence[TodaysFigure]":
    """Today's figures from a table."""
    from experiments.rollout.expect import TodaysFigure
    from experiments.rollout.seen_periods import read_table

    rows = read_table(path, ("channel", "system", "cost", "actions"))
    return [TodaysFigure(r["channel"], r["system"], r["cost"], r["actions"]) for r in rows]


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
