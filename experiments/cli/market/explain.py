"""`cpalab explain`: CPA before and after, and the part of each change in its shift, real or only in the record."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpalab.refusal import Problem, Refused
from experiments.cli.chosen_world import chosen_market
from experiments.cli.options import engine_options, output_options, process_option, scenario_options, talk_options
from experiments.cli.own_market.ensembles import answer_explain, ensemble_of
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from experiments.comparison.explain.dated_changes import Changes
    from experiments.comparison.explain.explain import Explanation, Shift
    from simulator.playing import EngineName
    from simulator.scenario.schema import Scenario

BAR = 32  # columns of the terminal's waterfall


@click.command()
@scenario_options
@click.argument("other", required=False)
@process_option
@click.option("--change", "change", metavar="CHANGE", help="Change file (TOML), or the name of one, as for rollout.")
@click.option("--between", metavar="A..B", help="The days to explain. Default: from the first change on.")
@click.option("--against", metavar="A..B", help="Compare with these earlier days, not with the same days unchanged.")
@click.option(
    "--orders",
    type=int,
    default=24,
    show_default=True,
    help="Orders of making the changes drawn where there are over 8.",
)
@click.option("--truth/--no-truth", default=True, help="Also explain the true incremental CPA.")
@click.option("--full", is_flag=True, help="Print every channel, and CPA by week.")
@output_options
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...], other: str | None, change: str | None, between: str | None, against: str | None,
    orders: int, truth: bool, full: bool, out: Path | None, force: bool, engine: "EngineName", threads: int, quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Why did CPA move?

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world; its dated changes (timeline, season,
    flights, creatives, outages) are explained: the days from the first of them on, beside the same days without them. With
    OTHER, a second scenario, everything that differs is; with --change, the changes of a change file. Of an ensemble's folder
    (cpalab init) the ranges over its worlds, as explain.csv and by_world.csv.

    A shift is shared out exactly: worlds and records are played again under every subset of the changes (Shapley). Beyond
    eight changes orders of making them are drawn, and parts carry a standard error.

    With --out, writes explain.html, explain.csv (a row per channel, system and cause), factors.csv (price, click rate,
    conversion rate, mix of segments), cpa_by_week.csv, explain.json and manifest.json to DIR, whole or not at all.
    """
    from contextlib import nullcontext

    stretch, earlier = days_asked(between, against)
    if worlds := ensemble_of(scenario, users, days, seed, overrides, processes, unheard=("other",)):
        answer_explain(
            [changes_of(world, change) for world in worlds], between=stretch, against=earlier, orders=orders, truth=truth,
            full=full, threads=threads, engine=engine, out=out, force=force, quiet=quiet, as_json=as_json,
        )  # fmt: skip
        return
    changes = everything_asked(scenario, users, days, seed, overrides, processes, other, change, out)
    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal import print_json, write_tables
    from experiments.comparison.explain.explain import chosen_days, explain
    from experiments.report.pages.explain_page import render_explanation
    from simulator.storage import write_manifest

    now = changes.scenario(range(len(changes.changes)))
    chosen_days(changes, now, stretch, earlier, orders)
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            found = explain(
                changes, between=stretch, against=earlier, orders=orders, truth=truth, threads=threads, engine=engine,
                progress=report,
            )  # fmt: skip
        tables = as_tables(found)
        if folder is not None:
            frames = {"explain": found.to_frame(), "factors": found.split_frame(), "cpa_by_week": found.weeks}
            write_tables(folder, "explain", tables, frames)
            (folder / "explain.html").write_text(render_explanation(found, now.run), encoding="utf-8")
            write_manifest(folder, now)
    if as_json:
        print_json(tables)
    elif not quiet:
        print_explanation(found, full=full)
        if out is not None:
            from cpalab.visible_text import visible

            click.echo(visible(f"\nWritten to {out}: open {out / 'explain.html'}"))


def everything_asked(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...], other: str | None, change: str | None, out: Path | None,
) -> "Changes":  # fmt: skip
    """The changes to explain: a scenario's own, those of a change file, or what a second scenario has otherwise.

    Raises:
        Refused: what is wrong with any of them.
    """
    from experiments.comparison.explain.two_scenarios import differences

    if other is not None and change is not None:
        hint = "leave one of them out"
        raise Refused([Problem("--change", "cannot be given with a second scenario", change, hint)])
    chosen, _ = chosen_market(scenario, users, days, seed, overrides, out=out, processes=processes)
    if other is not None:
        after, _ = chosen_market(other, users, days, seed, overrides, out=out, processes=processes)
        return differences(chosen, after)
    return changes_of(chosen, change)


def changes_of(scenario: "Scenario", change: str | None) -> "Changes":
    """The changes of a change file, or, without one, the scenario's own dated ones."""
    from experiments.comparison.explain.dated_changes import dated_changes
    from experiments.comparison.explain.two_scenarios import planned_changes
    from experiments.rollout.change_file import load_plan

    if change is None:
        return dated_changes(scenario)
    plan = load_plan(change, scenario)
    return planned_changes(scenario, plan.changes, plan.title)


def days_asked(between: str | None, against: str | None) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The stretches of days as they were typed.

    Raises:
        Refused: one of them is no stretch of days; both problems at once.
    """
    found, problems = [], []
    for option, text in (("--between", between), ("--against", against)):
        match = None if text is None else re.fullmatch(r"\s*(\d{1,5})\s*\.\.\s*(\d{1,5})\s*", text)
        if text is not None and match is None:
            problems.append(Problem(option, "must be two days", repr(text), f"write {option} 0..14"))
        found.append((int(match[1]), int(match[2])) if match else None)
    if problems:
        raise Refused(problems)
    return found[0], found[1]


def as_tables(found: "Explanation") -> dict[str, object]:
    """Everything found, for JSON."""
    return {
        "title": found.title,
        "currency": found.currency,
        "days": list(found.days),
        "against": None if found.against is None else list(found.against),
        "orders_drawn": found.orders,
        "causes": [{"name": cause.name, "kind": cause.kind, "day": cause.day} for cause in found.causes],
        "summary": found.summary(),
        "parts": found.to_frame().to_dict("records"),
        "factors": found.split_frame().to_dict("records"),
        "by_week": found.weeks.to_dict("records"),
    }


def print_explanation(found: "Explanation", *, full: bool) -> None:
    """A waterfall per system, of all paid channels or of each channel, and the sentences."""
    from experiments.cli.terminal import console
    from experiments.cli.terminal_tables import print_weeks
    from experiments.comparison.explain.waterfall import steps
    from experiments.truth.effects import ALL

    screen = console()
    for shift in found.shifts:
        if not full and shift.channel != ALL:
            continue
        if len(steps(shift, found.causes)) > len(("before", "after")):
            screen.print(waterfall(found, shift))
    if full:
        print_weeks(found.weeks, found.currency)
    for line in found.summary().splitlines():
        screen.print(line)


def waterfall(found: "Explanation", shift: "Shift") -> object:
    """The steps from before to after, each as a bar."""
    from experiments.cli.terminal import Table
    from experiments.comparison.explain.waterfall import steps
    from experiments.comparison.verdict import system_in_words, words
    from experiments.truth.effects import ALL

    whose = "all paid channels" if shift.channel == ALL else words(shift.channel)
    title = f"{whose[0].upper()}{whose[1:]}, {system_in_words(shift.system)}: {found.currency} per {found.action.one}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column("cause")
    table.add_column("kind")
    table.add_column("part", justify="right")
    table.add_column("bar", no_wrap=True)
    shown = steps(shift, found.causes)
    low = min(0.0, *(step.end for step in shown))
    scale = BAR / max(max(step.start, step.end) for step in shown) if low >= 0 else 0.0
    for step in shown:
        whole = step.kind == "whole"
        error = f" ± {step.error:z,.2f}" if step.error > 0 else ""
        part = f"{step.end:z,.2f}" if whole else f"{step.part:+z,.2f}{error}"
        left = round(min(step.start, step.end) * scale)
        width = max(round(max(step.start, step.end) * scale) - left, 1) if scale else 0
        mark = "█" if whole else "▓" if step.kind == "real" else "░"
        table.add_row(step.name, "" if whole else step.kind, part, " " * left + mark * width)
    return table
