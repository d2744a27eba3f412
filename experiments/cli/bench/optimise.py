"""`cpalab optimise`: budgets that follow a signal, again and again, and the real orders that brings."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.options import chosen_scenario, output_options, talk_options
from experiments.cli.own_market.ensembles import answer_optimise, ensemble_of
from experiments.cli.plugin_lists import PARAMETERS, listing_option
from experiments.cli.progress import progress_bar, say_if_compiling
from simulator.scenario.loading import DEFAULT_PRESET

if TYPE_CHECKING:
    from experiments.bench.optimise.optimise import Optimised

BY = ("last_click", "truth")


@click.command()
@click.argument("scenario", default=DEFAULT_PRESET)
@click.option("--by", "signals", multiple=True, metavar="SIGNAL",
              help="Whose word budgets follow: platform, analytics, crm, lift_test, truth, an attribution model (see "
              "--models), module:Class or FILE.py:Class. May be repeated. Default: last_click, truth.")  # fmt: skip
@click.option("--every", type=int, default=14, show_default=True, help="Days between reallocations.")
@click.option(
    "--seeds", type=click.IntRange(1, 10_000), default=5, show_default=True, help="Worlds, the same for all signals."
)
@click.option("--users", type=int, help="People to simulate; budgets scale along.")
@click.option("--days", type=float, help="Days to simulate.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override any value of the scenario.")
@output_options
@listing_option("--models", "List the models with their parameters.", "attribution.model:MODELS", PARAMETERS)
@talk_options
def command(
    scenario: str, signals: tuple[str, ...], every: int, seeds: int, users: int | None, days: float | None,
    overrides: tuple[str, ...], out: Path | None, force: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Move budgets to where a signal says conversions are cheap, every so many days, and count the real orders.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or an ensemble's folder (cpalab init): then gains are ranges over
    its worlds, as optimise.csv and by_world.csv. Every signal spends the same sum to the cent: what the budgets as they are
    cost in the same world. Gains are paired by seed, with 95 % intervals. lift_test runs the scenario's holdouts and pays for
    them; no other signal does. With --out, writes optimise.html (the page), optimise.csv (a row per signal), over_time.csv
    (per signal, stretch and channel: cost, the signal's CPA, real orders), worlds.csv (per seed and signal), optimise.json
    and manifest.json to DIR, whole or not at all.
    """
    from contextlib import nullcontext

    from cpalab.whole_output import whole_folder
    from experiments.bench.optimise.optimise import optimise
    from experiments.cli.terminal import print_json, write_tables
    from simulator.storage import write_manifest

    if worlds := ensemble_of(scenario, users, days, None, overrides):
        answer_optimise(
            worlds, signals or BY, every=every, seeds=seeds, out=out, force=force, quiet=quiet, as_json=as_json
        )
        return
    chosen = chosen_scenario(scenario, users, days, None, overrides)
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            found = optimise(
                chosen,
                signals or BY,
                every=every,
                seeds=range(1, seeds + 1),
                progress=lambda share: report("optimise", share),
            )
        frames = {"optimise": found.to_frame(), "over_time": found.over_time(), "worlds": found.rows}
        tables = {name: frame.to_dict("records") for name, frame in frames.items()} | {"summary": found.summary()}
        if folder is not None:
            write_tables(folder, "optimise", tables, frames)
            (folder / "optimise.html").write_text(found.to_page(), encoding="utf-8")
            write_manifest(folder, chosen)
    if as_json:
        print_json(tables)
    elif not quiet:
        _show(found)
        if out is not None:
            click.echo(f"\nWritten to {out}: open {out / 'optimise.html'}")


def _show(found: "Optimised") -> None:
    from experiments.cli.terminal import Table, console
    from experiments.report.numerals import money, percent

    table = Table(title=f"Budgets follow a signal every {found.every} days", title_justify="left")
    table.add_column("by")
    for heading in ("cost", "real orders", "gain over as it is", "95 % interval", "seeds worse off"):
        table.add_column(heading, justify="right")
    for row in found.to_frame().to_dict("records"):
        gain, lower, upper = (f"{row[name]:+z,.1f}" for name in ("gain", "gain_lower", "gain_upper"))
        reference = row["by"] == "as it is"
        cells = ["–"] * 3 if reference else [gain, f"{lower} to {upper}", percent(row["worse_off"])]
        table.add_row(str(row["by"]), money(row["cost"]), f"{row['orders']:z,.1f}", *cells)
    screen = console()
    screen.print(table)
    screen.print(found.summary())
