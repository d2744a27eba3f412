"""`cpalab run`: the main job, from a scenario to the comparison of attributed and incremental CPA."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.chosen_world import chosen_market, world_of
from experiments.cli.options import engine_options, scenario_options, talk_options
from experiments.cli.progress import Report, progress_bar, say_if_compiling
from simulator.scenario.schema import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from experiments.comparison.comparison import Comparison
    from experiments.comparison.five_cpas import Dimension
    from simulator.world import EngineName, World

DIMENSIONS = ("device", "browser", "geo", "segment", "campaign", "creative", "returning")


@click.command()
@scenario_options
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for tables, events and report.html."
)
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@click.option(
    "--by", "dimensions", multiple=True, type=click.Choice(DIMENSIONS), help="Also each system's CPA by this."
)
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    out: Path | None, force: bool, dimensions: tuple["Dimension", ...], engine: "EngineName", threads: int,
    quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Simulate a market, attribute its orders, read its lift tests, compute the truth, and compare the CPAs.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world that cpalab simulate or run has
    written. With --out, writes the world (manifest.json, events/, users.parquet, market.parquet, timeline.parquet,
    board.npz), orders.parquet (every order with its label per channel: always, moved, caused, prevented), cpa.csv,
    five_cpas.csv, truth.csv, cpa_by_….csv for each --by, geo_test_….csv and
    geo_panel_….csv (as cpalab lift geo reads it) for each geo test of the scenario, and report.html to DIR, whole or not
    at all.
    """
    chosen, stored = chosen_market(scenario, users, days, seed, overrides, out=out, replays_tracking=True)
    with progress_bar(quiet) as report:
        comparison, segments = main_job(chosen, stored, out, force, dimensions, engine, threads, report, quiet)
    from experiments.cli.terminal_tables import comparison_as_json, print_comparison, print_json, print_segments

    if as_json:
        by = {dimension: frame.to_dict("records") for dimension, frame in segments.items()}
        geo = {test.name: test.summary() for test in comparison.geo_tests}
        print_json(comparison_as_json(comparison) | ({"by": by} if by else {}) | ({"geo_tests": geo} if geo else {}))
    elif not quiet:
        print_comparison(comparison)
        print_segments(segments)
        for test in comparison.geo_tests:
            click.echo(test.summary())
        if out is not None:
            click.echo(f"\nWritten to {out}: open {out / 'report.html'}")


def main_job(
    scenario: Scenario, stored: "World | None", out: Path | None, force: bool, dimensions: tuple["Dimension", ...],
    engine: "EngineName", threads: int, report: Report, quiet: bool,
) -> tuple["Comparison", "dict[str, pd.DataFrame]"]:  # fmt: skip
    """Everything from the scenario to the files; returns what was found."""
    from contextlib import nullcontext

    import pyarrow.parquet as pq

    from experiments.comparison.comparison import compare
    from experiments.comparison.five_cpas import cpas_by
    from experiments.designs.regions.geo_books import geo_frame
    from experiments.report.page import render_report
    from experiments.truth.effects import ESTIMANDS
    from experiments.truth.order_table import order_table
    from simulator.storage import whole_folder, write_manifest, write_world

    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        world = world_of(scenario, stored, engine, threads, report)
        comparison = compare(world, estimands=ESTIMANDS, threads=threads, progress=report)
        segments: dict[str, pd.DataFrame] = {dimension: cpas_by(world, dimension) for dimension in dimensions}
        if folder is not None:
            report("write", 0.0)
            write_world(world, folder)
            pq.write_table(order_table(world, comparison.truth), folder / "orders.parquet")
            comparison.to_frame().to_csv(folder / "cpa.csv", index=False)
            comparison.truth.to_frame().to_csv(folder / "truth.csv", index=False)
            if comparison.systems is not None:
                comparison.systems.to_frame().to_csv(folder / "five_cpas.csv", index=False)
            for dimension, frame in segments.items():
                frame.to_csv(folder / f"cpa_by_{dimension}.csv", index=False)
            for test in comparison.geo_tests:
                test.to_frame().to_csv(folder / f"geo_test_{test.name}.csv", index=False)
                geo_frame(world, test.name).to_csv(folder / f"geo_panel_{test.name}.csv", index=False)
            (folder / "report.html").write_text(render_report(comparison, scenario.run), encoding="utf-8")
            write_manifest(folder, scenario)
    return comparison, segments
