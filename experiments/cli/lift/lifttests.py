"""`cpalab lifttests`: lift-test designs side by side in one market, each beside its truth."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.lift.lift_tables import names_in
from experiments.cli.options import chosen_scenario, engine_options, scenario_options, talk_options
from experiments.cli.plugin_lists import DESIGN_PARAMETERS, listing_option
from experiments.cli.progress import progress_bar, say_if_compiling
from experiments.designs.registry import ALL_DESIGNS, DESIGNS, find_designs

if TYPE_CHECKING:
    from experiments.cli.terminal import Table
    from experiments.designs.side_by_side import SideBySide
    from simulator.playing import EngineName
    from simulator.scenario.schema import Scenario

READING = (
    "Orders: incremental, of the ads that were tested; with 95 % intervals. Width: of that interval, in orders. Forgone: "
    "orders that the test cost, as it estimates itself; below zero where the estimate is. Test cost: money spent on placebo "
    "ads, and on more ads by a heavy-up. Truth: what the tested ads really caused among the people "
    "whom a design compares, so each design has its own; the holdout by log-in compares only people who log in."
)
SEEDS_READING = (
    "Means over seeds. Bias: estimate less truth, in orders, ± its standard error. Covered: tests whose 95 % interval holds "
    "the truth, with the range of coverages that so many seeds leave possible (Wilson, 95 %)."
)
# A bias of ten times the truth says that there is next to nothing to be found.
MOST_TIMES = 10.0


@click.command()
@scenario_options
@click.option("--designs", multiple=True, metavar="A,B,…",
              help=f"Which designs, of {', '.join(DESIGNS)}; or module:Class, FILE.py:Class. "
              "Default: all that fit.")  # fmt: skip
@listing_option("--list-designs", "List the designs with their parameters.", "experiments.designs.registry:ALL_DESIGNS",
                DESIGN_PARAMETERS)  # fmt: skip
@click.option("--channels", multiple=True, metavar="A,B,…", help="Whose ads to test. Default: all that are paid for.")
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True,
              help="Seeds to repeat it with: bias, coverage, width and cost of each design.")  # fmt: skip
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for designs.html, readings.csv and designs.csv.",
)
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    designs: tuple[str, ...], channels: tuple[str, ...], repeats: int, out: Path | None, force: bool,
    engine: "EngineName", threads: int, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Put each lift-test design into a market, run it, read it, and compare it with the truth.

    SCENARIO is a name (see cpalab scenarios) or a TOML file; it says how large the holdouts are and when they run. With
    --repeats, the same with further seeds: how far off the readings are on average, and how often their intervals hold the
    truth. With --out, writes designs.html (the page), manifest.json, readings.csv (one row per seed, design and channel)
    and designs.csv (one row per design and channel) to DIR, whole or not at all.
    """
    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    tested = names_in(channels) or chosen.paid_channels()
    if not tested:
        raise click.UsageError("this scenario has no channel with campaigns; there is nothing to test")
    from contextlib import nullcontext

    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal import print_json
    from experiments.designs.side_by_side import designs_that_fit, run_designs
    from experiments.report.pages.designs_page import render_designs
    from simulator.storage import write_manifest

    asked = (
        find_designs(names_in(designs))
        if designs
        else designs_that_fit(chosen, find_designs(ALL_DESIGNS.names()), tested)
    )
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            found = run_designs(
                chosen, asked, tested, repeats=repeats, engine=engine, threads=threads,
                progress=lambda share: report("lift tests", share),
            )  # fmt: skip
        if folder is not None:
            (folder / "designs.html").write_text(render_designs(found), encoding="utf-8")
            found.to_frame().to_csv(folder / "readings.csv", index=False)
            found.over_seeds().to_csv(folder / "designs.csv", index=False)
            write_manifest(folder, chosen)
    if as_json:
        print_json({"readings": found.to_frame().to_dict("records"), "designs": found.over_seeds().to_dict("records")})
    elif not quiet:
        print_designs(found, repeats, chosen)
        if out is not None:
            click.echo(f"\nWritten to {out}: open {out / 'designs.html'}")


def print_designs(found: "SideBySide", repeats: int, scenario: "Scenario") -> None:
    """One world's readings in a table; with repeats, what they are worth over seeds."""
    from experiments.cli.terminal import console

    screen = console()
    market = f"{scenario.run.users:,} people, {scenario.run.days:g} days, money in {found.currency}"
    title = f"{found.title or 'Your scenario'}: lift tests of {market}"
    if repeats == 1:
        screen.print(fitted(readings_table(found, title), screen.width))
        screen.print(READING, style="dim")
    else:
        screen.print(fitted(seeds_table(found, f"{title}, {repeats} seeds"), screen.width))
        screen.print(f"{SEEDS_READING} {READING}", style="dim")
    for sentence in held_out(found, scenario):
        screen.print(sentence, style="dim")
    if repeats == 1:
        screen.print()
        screen.print(found.summary())
    for refusal in dict.fromkeys(result.refusal for result in found.results if result.refusal):
        screen.print(f"No reading: {refusal}")


def held_out(found: "SideBySide", scenario: "Scenario") -> list[str]:
    """Which share of the people the tests hold out, where there are tests of people."""
    from experiments.comparison.verdict import words
    from experiments.designs.registry import USER_DESIGNS
    from simulator.scenario.schema import Holdout

    tested = dict.fromkeys(result.channel for result in found.results if result.design in USER_DESIGNS)
    if not tested:
        return []
    given = {channel: scenario.channels[channel].holdout.share for channel in tested}
    default = Holdout().share
    shares = sorted({share or default for share in given.values()})
    parts = [
        f"{share:z.3g} of them ({', '.join(words(channel) for channel in tested if (given[channel] or default) == share)})"
        for share in shares
    ]
    said = [
        f"Tests of people hold out a share of {'; '.join(parts) if len(parts) > 1 else f'{shares[0]:z.3g} of them'}."
    ]
    none = ", ".join(words(channel) for channel, share in given.items() if not share)
    if none:
        said.append(
            f"The scenario gives {none} no holdout (share 0): the default share of {default:g} was tested instead."
        )
    return said


def table_of_designs(title: str, headings: Sequence[str]) -> "Table":
    """A table whose designs are never cut; each channel is a heading of its own, to leave room for the numbers."""
    from rich import box

    from experiments.cli.terminal import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("design", no_wrap=True, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", style="bold" if heading == "truth" else "", vertical="bottom")
    return table


def fitted(table: "Table", width: int) -> "Table":
    """The table with columns that share a narrow screen so that lines break between words, never within one."""
    cells = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    natural = [max(map(len, column)) for column in cells]
    # The first column, of designs and channels, does not break.
    widths = [natural[0], *(max(len(word) for cell in column for word in cell.split()) for column in cells[1:])]
    for _ in range(width - sum(widths) - len(widths) + 1):
        missing = [whole - now for whole, now in zip(natural, widths, strict=True)]
        if max(missing) > 0:
            widths[missing.index(max(missing))] += 1
    for column, now in zip(table.columns, widths, strict=True):
        column.width = now
    return table


def readings_table(found: "SideBySide", title: str) -> "Table":
    """One row per channel and design."""
    from experiments.designs.design import LEVEL
    from experiments.report.numerals import UNDEFINED, count, count_span, money, span

    headings = ("orders", "truth", "width", "cost per order", "truth", "forgone", "test cost")
    table = table_of_designs(title, headings)
    before = None
    for result in sorted(found.results, key=lambda r: [x.channel for x in found.results].index(r.channel)):
        reading, truth = result.reading, result.truth
        before = begin_channel(table, result.channel, before)
        cells = [UNDEFINED] * 5
        if reading is not None:
            lower, upper = reading.lift.interval(LEVEL)
            price = reading.cost
            cells = [
                f"{count(reading.lift.difference)} ({count_span(lower, upper)})",
                count(reading.width),
                "none" if price.harmful else f"{money(price.point)} ({span(price.lower, price.upper)})",
                count(reading.conversions_forgone, 1),
                money(reading.test_cost) if reading.test_cost else "0",
            ]
        table.add_row(
            f" {result.design}",
            cells[0],
            count(truth.incremental_conversions),
            cells[1],
            cells[2],
            money(truth.cost_per_incremental_conversion),
            *cells[3:],
        )
    return table


def seeds_table(found: "SideBySide", title: str) -> "Table":
    """One row per channel and design: bias, coverage, width and cost."""
    from experiments.report.numerals import UNDEFINED, count, money

    table = table_of_designs(title, ("truth", "bias", "of truth", "covered", "width", "forgone", "test cost"))
    before = None
    for row in found.over_seeds().to_dict("records"):
        before = begin_channel(table, str(row["channel"]), before)
        if not row["repeats"]:
            table.add_row(f" {row['design']}", *[UNDEFINED] * 7)
            continue
        error = f" ± {row['bias_standard_error']:z,.1f}" if row["repeats"] > 1 else ""
        table.add_row(
            f" {row['design']}",
            count(row["true_incremental_conversions"], 1),
            f"{row['bias']:+z,.1f}{error}",
            relative(row["relative_bias"]),
            f"{row['covered']} of {row['repeats']} ({100 * row['coverage_lower']:z.0f}–{row['coverage_upper']:z.0%})",
            count(row["width"]),
            count(row["conversions_forgone"], 1),
            money(row["test_cost"]) if row["test_cost"] else "0",
        )
    return table


def begin_channel(table: "Table", channel: str, before: str | None) -> str:
    """A heading where a channel begins; the channel."""
    from experiments.comparison.verdict import words

    if channel != before:
        if before is not None:
            table.add_section()
        table.add_row(words(channel), style="bold")
    return channel


def relative(share: float) -> str:
    """A bias in per cent of the truth; many times a truth of about nothing is no percentage to read."""
    from experiments.report.numerals import UNDEFINED

    return f"{share:+z.0%}" if math.isfinite(share) and abs(share) < MOST_TIMES else UNDEFINED
