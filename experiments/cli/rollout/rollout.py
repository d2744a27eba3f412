"""`cpalab rollout`: which CPA shift a change of tracking must bring, per channel and system, and which would mean a bug."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpalab.visible_text import visible
from experiments.cli.chosen_world import chosen_market, world_of
from experiments.cli.options import engine_options, output_options, process_option, scenario_options, talk_options
from experiments.cli.own_market.ensembles import answer_rollout, ensemble_of
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from experiments.cli.terminal import Table
    from experiments.rollout.check_rollout import GateVerdict
    from experiments.rollout.diagnosis import Diagnosis
    from experiments.rollout.rollout import Rollout
    from simulator.playing import EngineName

# What only one world can answer; figures seen are held to an ensemble's --contract by cpalab check-rollout.
UNHEARD = ("observed", "with_delivery", "full", "fault_size", "verify")


@click.command()
@scenario_options
@process_option
@click.option("--change", "change", required=True, metavar="CHANGE", help="Change file (TOML), or the name of one.")
@click.option("--with-delivery", is_flag=True, help="Also run again what the change does to the delivery of ads.")
@click.option(
    "--observed",
    metavar="CSV",
    help="What was seen: channel,system,cpa_before,cpa_after (and device, browser, geo, segment, campaign or day); "
    "name the faults.",
)
@click.option(
    "--full", is_flag=True, help="With --observed: show every figure beside its band, not only those outside."
)
@click.option("--people", type=click.IntRange(min=1), help="Size of your own market; default: the people simulated.")
@click.option("--fault-size", type=click.FloatRange(0.01, 0.95), default=0.2, show_default=True,
              help="Share of actions lost by the fault that a parallel run shall show.")  # fmt: skip
@click.option("--contract", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the bands as a contract that cpalab check-rollout holds figures to.")  # fmt: skip
@click.option("--verify/--no-verify", default=True, help="Run the world again and compare it event for event.")
@output_options
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...], change: str,
    with_delivery: bool, observed: str | None, full: bool, people: int | None, fault_size: float, contract: Path | None,
    verify: bool, out: Path | None, force: bool, engine: "EngineName", threads: int, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Expected CPA shift of a planned change, before it goes live.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world that cpalab simulate or run has
    written. A change file lists what will change, each change as new
    values of the scenario or as a fault (see cpalab faults):

    \b
        [[changes]]
        name = "cleaned UTMs"
        set = { "tracking.transport.utm_loss" = 0.0 }

    \b
        [[changes]]
        fault = "tag_outage"
        size = 0.2

    With --observed the exit status is the verdict: 0 as expected, 1 not, 2 nothing can be told, 3 bad input.

    With --out, writes rollout.html (the page to send round), rollout.csv, rollout.json and, with --observed, seen.html
    (before and after, bands, what was seen), seen.csv and diagnosis.csv to DIR, whole or not at all.
    """
    from contextlib import nullcontext

    from experiments.rollout.change_file import load_plan

    if worlds := ensemble_of(scenario, users, days, seed, overrides, processes, unheard=UNHEARD):
        answer_rollout(
            worlds, load_plan(change, worlds[0]), people=people, contract=contract, threads=threads, out=out, force=force,
            quiet=quiet, as_json=as_json,
        )  # fmt: skip
        return
    chosen, stored = chosen_market(
        scenario, users, days, seed, overrides, out=out, replays_tracking=True, processes=processes
    )
    plan = load_plan(change, chosen)
    from cpalab.whole_output import whole_file, whole_folder
    from experiments.cli.terminal import print_json, write_tables
    from experiments.report.pages.rollout_page import render_rollout
    from experiments.report.pages.seen_page import render_seen
    from experiments.rollout.diagnosis import diagnose
    from experiments.rollout.observed_file import read_observations
    from experiments.rollout.rollout import roll_out
    from simulator.storage import write_manifest

    seen = read_observations(observed, chosen) if observed else None
    if people is not None and people > chosen.run.users and not quiet:
        click.echo(
            f"Only {chosen.run.users:,} people are simulated: what they leave open about the expected shifts is in every "
            f"interval and band, and a market of {people:,} makes that no narrower. Simulate more with --users.",
            err=True,
        )
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            world = world_of(chosen, stored, engine, threads, report)
            found = roll_out(
                world, plan, with_delivery=with_delivery, verify=verify, people=people, fault_size=fault_size,
                threads=threads, progress=report,
            )  # fmt: skip
            diagnosis = None if seen is None else diagnose(world, plan, seen, people=people)
        judged = None if seen is None else seen.judged(found.contract())
        tables = as_tables(found, diagnosis, judged)
        if contract is not None:
            with whole_file(contract) as file:
                file.write_text(found.contract().to_json(), encoding="utf-8")
        if folder is not None:
            frames = {"rollout": found.to_frame()}
            if diagnosis is not None and judged is not None:
                frames |= {"diagnosis": diagnosis.to_frame(), "seen": judged.to_frame()}
            write_tables(folder, "rollout", tables, frames)
            (folder / "rollout.html").write_text(render_rollout(found, chosen.market.currency), encoding="utf-8")
            if seen is not None:
                page = render_seen(found, seen, diagnosis, world.scenario.run)
                (folder / "seen.html").write_text(page, encoding="utf-8")
            write_manifest(folder, world.scenario)
    if as_json:
        print_json(tables)
    elif not quiet:
        print_rollout(found)
        if diagnosis is not None:
            click.echo()
            if judged is not None and judged.rows:
                print_judged(judged, full=full)
            click.echo(visible(diagnosis.summary()))
        if out is not None:
            click.echo(visible(f"\nWritten to {out}: open {out / 'rollout.html'}"))
    if diagnosis is not None:
        click.get_current_context().exit(diagnosis.status)


def as_tables(
    found: "Rollout", diagnosis: "Diagnosis | None", judged: "GateVerdict | None" = None
) -> dict[str, object]:
    """Everything found, for JSON."""
    verification = found.verification
    return {
        "title": found.plan.title,
        "days": found.days,
        "people": found.people,
        "summary": found.summary(),
        "cells": found.to_frame().to_dict("records"),
        "billing_micros": dict(found.billing_micros),
        "verified": None if verification is None else verification.passed,
        "fingerprint": None if verification is None else verification.fingerprint,
        "diagnosis": None if diagnosis is None else diagnosis.to_frame().to_dict("records"),
        "left_out": None if diagnosis is None else [asdict(left) for left in diagnosis.left_out],
        "seen": None if judged is None else judged.to_frame().to_dict("records"),
        "diagnosis_summary": None if diagnosis is None else diagnosis.summary(),
    }


def print_judged(judged: "GateVerdict", *, full: bool) -> None:
    """Each figure seen beside its band: those outside, and with `full` all of them."""
    outside = judged.of("outside")
    shown = judged.rows if full else outside
    if shown:
        click.echo("What was seen, figure by figure:")
    for row in shown:
        click.echo(visible(f"  {row}"))
    rest = len(judged.rows) - len(shown)
    if rest:
        lie = "lies in its band or cannot be judged" if rest == 1 else "lie in their bands or cannot be judged"
        click.echo(f"{rest} {'other ' if shown else ''}{'figure' if rest == 1 else 'figures'} {lie}; --full shows all.")
    click.echo()


def print_rollout(found: "Rollout") -> None:
    """The table of expected shifts, its parts where there are several, and the sentences."""
    from experiments.cli.terminal import Table, console
    from experiments.comparison.verdict import words
    from experiments.report.numerals import money
    from experiments.rollout.rollout import BILLING

    screen = console()
    table = Table(title=f"{found.plan.title or 'Rollout'}: expected shift of CPA", title_justify="left")
    table.add_column("channel")
    table.add_column("system")
    headings = (
        "CPA today",
        "CPA tomorrow",
        "expected ×",
        "95 % interval",
        "suspect a bug outside",
        f"days side by side to see −{found.fault_size:z.0%}",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for shift in found.shifts:
        table.add_row(
            words(shift.channel) if shift.system == "platform" else "",
            shift.system,
            money(shift.cpa_today),
            money(shift.cpa_tomorrow),
            factor(shift.multiplier),
            between(shift.lower, shift.upper),
            between(shift.alert_lower, shift.alert_upper),
            f"{shift.parallel_days:z,.1f}" if shift.parallel_days < 1e5 else "never",
        )
    screen.print(table)
    screen.print(
        "Expected ×: CPA tomorrow over CPA today on the same events. Suspect a bug outside: what comparing "
        f"{found.days:g} days before with {found.days:g} days after shows among {found.people:,} people if the change is all "
        "there is; the whole table stays within its bands in 19 of 20 such rollouts. Days side by side: both trackings at "
        f"once, until a loss of {found.fault_size:z.0%} of the actions shows (4 times out of 5). The interval is wide where "
        "few actions say what the change does; a system in which it moved none at all is taken as untouched.",
        style="dim",
    )
    screen.print()
    if len(found.shifts[0].parts) > 1:
        screen.print(parts_table(found))
        said = "The factors of a row multiply to its expected ×."
        if BILLING in found.shifts[0].parts:
            said += (
                " Billing: fees that follow a record of orders follow its losses too. A change that moves a CPA only "
                "through such fees shares its factor with billing in equal parts (Shapley), also where the system itself "
                "loses nothing."
            )
        screen.print(said, style="dim")
        screen.print()
    screen.print(found.summary())


def parts_table(found: "Rollout") -> "Table":
    """By which factor each of several changes moves each CPA."""
    from experiments.cli.terminal import Table
    from experiments.comparison.verdict import words

    table = Table(title="What each change does to CPA", title_justify="left")
    table.add_column("channel")
    table.add_column("system")
    for part in found.shifts[0].parts:
        table.add_column(f"{part} ×", justify="right")
    table.add_column("expected ×", justify="right", style="bold")
    for shift in found.shifts:
        name = words(shift.channel) if shift.system == "platform" else ""
        table.add_row(name, shift.system, *map(factor, shift.parts.values()), factor(shift.multiplier))
    return table


def between(lower: float, upper: float) -> str:
    """Two multipliers, or one dash where there are none."""
    return f"{factor(lower)} – {factor(upper)}" if lower == lower and upper == upper else "–"


def factor(value: float) -> str:
    """A multiplier with three decimals."""
    return f"{value:z.3f}" if value == value and value < 1e6 else "–"
