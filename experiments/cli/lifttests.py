"""`cpalab lifttests`: lift-test designs side by side in one market, each beside its truth."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.options import chosen_scenario, engine_options, scenario_options, talk_options
from experiments.cli.own_data import names_in
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from rich.table import Table

    from experiments.lift.designs.side_by_side import SideBySide
    from simulator.scenario.schema import Scenario
    from simulator.world import EngineName

READING = (
    "Orders: incremental, of the ads that were tested; with 95 % intervals. Width: of that interval. Forgone: orders that "
    "the test cost, as it estimates itself. The holdout by log-in speaks of the people who log in."
)


@click.command()
@scenario_options
@click.option("--designs", multiple=True, metavar="A,B,…", help="Which designs. Default: all that fit the scenario.")
@click.option("--channels", multiple=True, metavar="A,B,…", help="Whose ads to test. Default: all that are paid for.")
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True,
              help="Seeds to repeat it with: bias, coverage, width and cost of each design.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for readings.csv and designs.csv.")
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
    truth. With --out, writes manifest.json, readings.csv (one row per seed, design and channel) and designs.csv (one row
    per design and channel) to DIR, whole or not at all.
    """
    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    tested = names_in(channels) or chosen.paid_channels()
    if not tested:
        raise click.UsageError("this scenario has no channel with campaigns; there is nothing to test")
    from contextlib import nullcontext

    from experiments.cli.tables import print_json
    from experiments.lift.designs.registry import DESIGNS, find_designs
    from experiments.lift.designs.side_by_side import designs_that_fit, run_designs
    from simulator.storage import whole_folder, write_manifest

    asked = find_designs(names_in(designs)) if designs else designs_that_fit(chosen, find_designs(DESIGNS), tested)
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            found = run_designs(
                chosen, asked, tested, repeats=repeats, engine=engine, threads=threads,
                progress=lambda share: report("lift tests", share),
            )  # fmt: skip
        if folder is not None:
            found.to_frame().to_csv(folder / "readings.csv", index=False)
            found.over_seeds().to_csv(folder / "designs.csv", index=False)
            write_manifest(folder, chosen)
    if as_json:
        print_json({"readings": found.to_frame().to_dict("records"), "designs": found.over_seeds().to_dict("records")})
    elif not quiet:
        print_designs(found, repeats, chosen)
        if out is not None:
            click.echo(f"\nWritten to {out}")


def print_designs(found: "SideBySide", repeats: int, scenario: "Scenario") -> None:
    """One world's readings in a table; with repeats, what they are worth over seeds."""
    from experiments.cli.tables import console

    screen = console()
    market = f"{scenario.run.users:,} people, {scenario.run.days:g} days, money in {found.currency}"
    title = f"{found.title or 'Your scenario'}: lift tests of {market}"
    if repeats == 1:
        screen.print(readings_table(found, title))
        screen.print(READING, style="dim")
        screen.print()
        screen.print(found.summary())
        for refusal in dict.fromkeys(result.refusal for result in found.results if result.refusal):
            screen.print(f"No reading: {refusal}")
    else:
        screen.print(seeds_table(found, f"{title}, {repeats} seeds"))
        screen.print(f"{READING} After ±: standard error of so many seeds.", style="dim")


def readings_table(found: "SideBySide", title: str) -> "Table":
    """One row per channel and design."""
    from rich.table import Table

    from experiments.cli.tables import UNDEFINED, money
    from experiments.lift.designs.design import LEVEL
    from experiments.verdict import words

    table = Table(title=title, title_justify="left")
    for heading in ("channel", "design"):
        table.add_column(heading)
    for heading in ("orders", "truth", "width", "cost per order", "truth", "forgone", "test cost"):
        table.add_column(heading, justify="right", style="bold" if heading == "truth" else "")
    before = None
    for result in sorted(found.results, key=lambda r: [x.channel for x in found.results].index(r.channel)):
        reading, truth = result.reading, result.truth
        if before not in (None, result.channel):
            table.add_section()
        cells = [UNDEFINED] * 5
        if reading is not None:
            lower, upper = reading.lift.interval(LEVEL)
            price = reading.cost
            cells = [
                f"{reading.lift.difference:z,.0f} ({lower:z,.0f} – {upper:z,.0f})",
                f"{reading.width:z,.0f}",
                f"{money(price.point)} ({money(price.lower)} – {money(price.upper)})",
                f"{reading.conversions_forgone:z,.1f}",
                money(reading.test_cost) if reading.test_cost else "0",
            ]
        table.add_row(
            words(result.channel) if result.channel != before else "",
            result.design,
            cells[0],
            f"{truth.incremental_conversions:,}",
            cells[1],
            cells[2],
            money(truth.cost_per_incremental_conversion),
            *cells[3:],
        )
        before = result.channel
    return table


def seeds_table(found: "SideBySide", title: str) -> "Table":
    """One row per channel and design: bias, coverage, width and cost."""
    from rich.table import Table

    from experiments.cli.tables import UNDEFINED, money
    from experiments.verdict import words

    table = Table(title=title, title_justify="left")
    for heading in ("channel", "design"):
        table.add_column(heading)
    for heading in ("truth", "bias", "coverage", "width", "forgone", "test cost"):
        table.add_column(heading, justify="right")
    before = None
    for row in found.over_seeds().to_dict("records"):
        if before not in (None, row["channel"]):
            table.add_section()
        relative = f" ({row['relative_bias']:+z.0%})" if math.isfinite(row["relative_bias"]) else ""
        known = row["repeats"] > 0
        table.add_row(
            words(str(row["channel"])) if row["channel"] != before else "",
            str(row["design"]),
            f"{row['true_incremental_conversions']:z,.1f}" if known else UNDEFINED,
            f"{row['bias']:+z,.1f} ± {row['bias_standard_error']:z,.1f}{relative}" if known else UNDEFINED,
            f"{row['coverage']:z.0%} ± {row['coverage_standard_error']:z.0%}" if known else UNDEFINED,
            f"{row['width']:z,.0f}" if known else UNDEFINED,
            f"{row['conversions_forgone']:z,.1f}" if known else UNDEFINED,
            (money(row["test_cost"]) if row["test_cost"] else "0") if known else UNDEFINED,
        )
        before = row["channel"]
    return table
