"""Commands that are given an ensemble in place of a scenario: they answer with ranges over its worlds."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

    from experiments.rollout.change_file import Plan
    from simulator.scenario.schema import Scenario


def ensemble_of(
    source: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...]
) -> "tuple[Scenario, ...]":
    """The scenarios of an ensemble's folder, as the options change them; none where the source is no ensemble."""
    folder = Path(source)
    if not folder.is_dir():
        return ()
    from experiments.cli.options import chosen_scenario
    from experiments.own_market.ensemble import ensemble_members

    return tuple(chosen_scenario(str(path), users, days, seed, overrides) for path in ensemble_members(folder))


def answer_truth(
    scenarios: "tuple[Scenario, ...]", *, threads: int, out: Path | None, force: bool, quiet: bool, as_json: bool
) -> None:
    """What systems claim and what ads cause, over all worlds: printed, and written as ensemble.csv."""
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.own_market.ensemble_truth import ensemble_truth

    say_if_compiling(quiet)
    with progress_bar(quiet or as_json) as report:
        found = ensemble_truth(scenarios, threads=threads, progress=lambda share: report("worlds", share))
    _give(found.to_frame(), found.summary(), "ensemble", out=out, force=force, quiet=quiet, as_json=as_json)


def answer_rollout(
    scenarios: "tuple[Scenario, ...]", plan: "Plan", *, people: int | None, contract: Path | None, threads: int,
    out: Path | None, force: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """The shift of CPA that a change must bring whichever world is true: printed, and written as rollout.csv."""
    from cpalab.whole_output import whole_file
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.own_market.ensemble_rollout import ensemble_rollout

    say_if_compiling(quiet)
    with progress_bar(quiet or as_json) as report:
        found = ensemble_rollout(
            scenarios, plan, people=people, threads=threads, progress=lambda share: report("worlds", share)
        )
    if contract is not None:
        with whole_file(contract) as file:
            file.write_text(found.contract().to_json(), encoding="utf-8")
    _give(found.to_frame(), found.summary(), "rollout", out=out, force=force, quiet=quiet, as_json=as_json)


def _give(
    frame: "pd.DataFrame", summary: str, name: str, *, out: Path | None, force: bool, quiet: bool, as_json: bool
) -> None:
    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal import Table, console, print_json, write_tables
    from simulator.storage import write_manifest

    said = {name: frame.to_dict("records"), "summary": summary}
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        if folder is not None:
            write_tables(folder, name, said, {name: frame})
            write_manifest(folder, None)
    if as_json:
        print_json(said)
    elif not quiet:
        table = Table(title="Over all worlds of the ensemble", title_justify="left")
        for heading in frame.columns:
            table.add_column(heading.replace("_", " "), justify="left" if heading in ("channel", "system") else "right")
        for row in frame.itertuples(index=False):
            table.add_row(*(_cell(value) for value in row))
        console().print(table)
        console().print(summary)
        if out is not None:
            click.echo(f"\nWritten to {out}")


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "–"
    return "∞" if value == float("inf") else f"{value:z,.2f}" if abs(value) < 1000 else f"{value:z,.0f}"
