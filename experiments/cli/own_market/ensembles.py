"""Commands that are given an ensemble in place of a scenario: they answer with ranges over its worlds."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpalab.refusal import Problem, Refused

if TYPE_CHECKING:
    import pandas as pd

    from experiments.comparison.explain.dated_changes import Changes
    from experiments.rollout.change_file import Plan
    from simulator.playing import EngineName
    from simulator.scenario.schema import Scenario

WORDS = ("channel", "system", "cause", "by")


def ensemble_of(
    source: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...] = (), *, unheard: tuple[str, ...] = (),
) -> "tuple[Scenario, ...]":  # fmt: skip
    """The scenarios of an ensemble's folder, as the options change them; none where the source is no ensemble.

    Args:
        source: what the command was given.
        users, days, seed, overrides, processes: change each of its worlds.
        unheard: parameters of the command that say nothing to an ensemble.

    Raises:
        Refused: one of those was typed, or the folder or a change is wrong; all problems at once.
    """
    folder = Path(source)
    if not folder.is_dir():
        return ()
    from experiments.cli.options import chosen_scenario
    from experiments.own_market.ensemble import ensemble_members

    members = ensemble_members(folder)
    if not members:
        return ()
    refuse_unheard(members[0], unheard)
    return tuple(chosen_scenario(str(path), users, days, seed, overrides, processes) for path in members)


def refuse_unheard(world: Path, unheard: tuple[str, ...]) -> None:
    """Refuse options that were typed and that an ensemble's answer would not heed.

    Raises:
        Refused: all of them at once.
    """
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    options = {
        p.name: p.opts[-1] if p.opts[-1].startswith("-") else p.human_readable_name for p in context.command.params
    }
    rule, hint = "cannot be asked of an ensemble", f"ask one of its worlds: {world}"
    problems = [Problem(options[n], rule, hint=hint) for n in unheard if context.get_parameter_source(n) is typed]
    if problems:
        raise Refused(problems)


def answer_truth(
    scenarios: "tuple[Scenario, ...]", *, threads: int, out: Path | None, force: bool, quiet: bool, as_json: bool
) -> None:
    """What systems claim and what ads cause, over all worlds: printed, and written as ensemble.csv."""
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.own_market.answers.ensemble_truth import ensemble_truth

    say_if_compiling(quiet)
    with progress_bar(quiet or as_json) as report:
        found = ensemble_truth(scenarios, threads=threads, progress=lambda share: report("worlds", share))
    _give({"ensemble": found.to_frame()}, found.summary(), out=out, force=force, quiet=quiet, as_json=as_json)


def answer_rollout(
    scenarios: "tuple[Scenario, ...]", plan: "Plan", *, people: int | None, contract: Path | None, threads: int,
    out: Path | None, force: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """The shift of CPA that a change must bring whichever world is true: printed, and written as rollout.csv."""
    from cpalab.whole_output import whole_file
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.own_market.answers.ensemble_rollout import ensemble_rollout

    say_if_compiling(quiet)
    with progress_bar(quiet or as_json) as report:
        found = ensemble_rollout(
            scenarios, plan, people=people, threads=threads, progress=lambda share: report("worlds", share)
        )
    if contract is not None:
        with whole_file(contract) as file:
            file.write_text(found.contract().to_json(), encoding="utf-8")
    _give({"rollout": found.to_frame()}, found.summary(), out=out, force=force, quiet=quiet, as_json=as_json)


def answer_explain(
    changes: "list[Changes]", *, between: tuple[int, int] | None, against: tuple[int, int] | None, orders: int,
    truth: bool, full: bool, threads: int, engine: "EngineName", out: Path | None, force: bool, quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Why CPA would move, as ranges over the worlds: printed, and written as explain.csv and by_world.csv."""
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.comparison.explain.explain import chosen_days
    from experiments.own_market.answers.ensemble_explain import ensemble_explain
    from experiments.truth.effects import ALL

    chosen_days(changes[0], changes[0].scenario(range(len(changes[0].changes))), between, against, orders)
    say_if_compiling(quiet)
    with progress_bar(quiet or as_json) as report:
        found = ensemble_explain(
            changes, between=between, against=against, orders=orders, truth=truth, threads=threads, engine=engine,
            progress=lambda share: report("worlds", share),
        )  # fmt: skip
    frame = found.to_frame()
    shown = frame if full else frame[frame["channel"] == ALL]
    _give(
        {"explain": frame, "by_world": found.by_world()}, found.summary(), shown=shown.drop(columns=["kind", "worlds"]),
        out=out, force=force, quiet=quiet, as_json=as_json,
    )  # fmt: skip


def answer_optimise(
    scenarios: "tuple[Scenario, ...]", signals: tuple[str, ...], *, every: int, seeds: int, out: Path | None, force: bool,
    quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """What following each signal brings, as ranges over the worlds: printed, and written as optimise.csv and by_world.csv."""
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.own_market.answers.ensemble_optimise import ensemble_optimise

    say_if_compiling(quiet)
    with progress_bar(quiet or as_json) as report:
        found = ensemble_optimise(
            scenarios, signals, every=every, seeds=range(1, seeds + 1), progress=lambda share: report("worlds", share)
        )
    frames = {"optimise": found.to_frame(), "by_world": found.by_world()}
    _give(frames, found.summary(), out=out, force=force, quiet=quiet, as_json=as_json)


def _give(
    frames: "dict[str, pd.DataFrame]", summary: str, *, out: Path | None, force: bool, quiet: bool, as_json: bool,
    shown: "pd.DataFrame | None" = None,
) -> None:  # fmt: skip
    """Print the first table (or `shown`) and the sentences; write all tables, the JSON called as the first one."""
    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal import Table, console, print_json, write_tables
    from simulator.storage import write_manifest

    name, frame = next(iter(frames.items()))
    said = {name: table.to_dict("records") for name, table in frames.items()} | {"summary": summary}
    frame = frame if shown is None else shown
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        if folder is not None:
            write_tables(folder, name, said, frames)
            write_manifest(folder, None)
    if as_json:
        print_json(said)
    elif not quiet:
        table = Table(title="Over all worlds of the ensemble: lowest · median · highest", title_justify="left")
        shown = _ranges_in_one(frame)
        for heading in shown.columns:
            table.add_column(heading.replace("_", " "), justify="left" if heading in WORDS else "right")
        for row in shown.itertuples(index=False):
            table.add_row(*map(str, row))
        console().print(table)
        console().print(summary)
        if out is not None:
            click.echo(f"\nWritten to {out}")


def _ranges_in_one(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The table as text, with `x_lowest`, `x`, `x_highest` in one column."""
    texts = frame.map(_cell)
    for name in [c.removesuffix("_lowest") for c in texts.columns if c.endswith("_lowest")]:
        three = [f"{name}_lowest", name, f"{name}_highest"]
        if set(three) <= set(texts.columns):
            texts[name] = texts[three].agg(" · ".join, axis=1)
            texts = texts.drop(columns=[three[0], three[2]])
    return texts


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "–"
    return "∞" if value == float("inf") else f"{value:z,.2f}" if abs(value) < 1000 else f"{value:z,.0f}"
