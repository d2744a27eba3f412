"""`cpalab run`: the main job, from a scenario to the comparison of attributed and incremental CPA."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cpalab.refusal import InvalidInputError, Problem
from cpalab.visible_text import visible
from experiments.cli.bench.cell_options import figures_option
from experiments.cli.chosen_world import chosen_market, world_of
from experiments.cli.market.by_blocks import (
    Blocks,
    Making,
    block_options,
    check_options,
    finish,
    is_made,
    is_typed,
    resumed,
)
from experiments.cli.options import engine_options, process_option, scenario_options, seeds_option, talk_options
from experiments.cli.own_market.ensembles import answer_truth, ensemble_of
from experiments.cli.plugin_lists import PARAMETERS, listing_option
from experiments.cli.progress import Report, progress_bar, say_if_compiling
from simulator.scenario.schema import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from attribution.model import AttributionModel
    from experiments.comparison.comparison import Comparison
    from experiments.comparison.five_cpas import Dimension
    from experiments.truth.over_seeds import TruthOverSeeds
    from simulator.by_blocks import EventsKept
    from simulator.playing import EngineName
    from simulator.world import World

DIMENSIONS = ("device", "browser", "geo", "segment", "campaign", "creative", "returning")

# What only one world can answer.
UNHEARD = ("charts", "dimensions", "models", "judge", "full", "seeds", "memory", "events", "resume", "cluster")


@click.command()
@scenario_options
@process_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for tables, events and report.html."
)
@click.option("--charts", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for the charts alone, with title and legend, for a paper.")  # fmt: skip
@figures_option
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@click.option(
    "--by", "dimensions", multiple=True, type=click.Choice(DIMENSIONS), help="Also each system's CPA by this."
)
@click.option(
    "--model",
    "-m",
    "models",
    multiple=True,
    metavar="MODEL",
    help="Which models to compare: a name, a name with parameters such as 'markov(order=2)', module:Class or FILE.py:Class. "
    "May be repeated. Default: last_click, linear, markov.",
)
@click.option("--judge", metavar="MODEL", help="The one of them that sentences and verdicts are about. Default: last_click, "
              "or the first of those given.")  # fmt: skip
@click.option(
    "--full", is_flag=True, help="Print every table: models, lift tests, five CPAs, CPA by week, a sentence each."
)
@seeds_option
@listing_option("--models", "List the models with their parameters.", "attribution.model:MODELS", PARAMETERS)
@engine_options
@block_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...],
    out: Path | None, charts: Path | None, figures: str, force: bool, dimensions: tuple["Dimension", ...],
    models: tuple[str, ...], judge: str | None, full: bool, seeds: int | None,
    engine: "EngineName", threads: int, memory: str | None, events: "EventsKept",
    resume: Path | None, cluster: str | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Simulate a market, attribute its orders, read its lift tests, compute the truth, and compare the CPAs.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world that cpalab simulate or run has
    written. With --out, writes the world (manifest.json, events/, users.parquet, market.parquet, timeline.parquet,
    board.npz), orders.parquet (every order with its label per channel: always, moved, caused, prevented), cpa.csv,
    five_cpas.csv, truth.csv, cpa_by_week.csv, cpa_by_….csv for each --by, geo_test_….csv and
    geo_panel_….csv (as cpalab lift geo reads it) for each geo test of the scenario, and report.html to DIR, whole or not
    at all; with --model or --judge also models.csv: which models are compared, and which one is the judge; with --seeds
    truth_over_seeds.csv. With --charts, writes the charts to a folder of their own, as SVG, PNG or PDF (--as).
    A run with --out that was killed goes on with --resume DIR, from the last minute of its market and the blocks of people
    that are finished.
    """
    from contextlib import nullcontext

    from cpalab.whole_output import whole_folder
    from experiments.report.figure_files import figure_kinds

    kinds = figure_kinds(figures)
    _check_charts(charts, out if resume is None else resume)
    left = None
    if resume is not None:
        asked_now = {"by": list(dimensions), "models": list(models), "judge": judge, "events": events}
        asked_now |= {"processes": list(processes), "engine": engine, "seeds": seeds}
        left = resumed("run", resume, out, {name: value for name, value in asked_now.items() if is_typed(name)})
        out, events = resume, left.events
        dimensions, models = tuple(left.options["by"]), tuple(left.options["models"])
        judge, seeds = left.options["judge"], left.options["seeds"]
    if quiet and out is None and charts is None and not as_json:
        click.echo("--quiet prints nothing, and without --out nothing is written: the result will be lost.", err=True)
    if worlds := ensemble_of(scenario, users, days, seed, overrides, processes, unheard=UNHEARD):
        answer_truth(worlds, threads=threads, out=out, force=force, quiet=quiet, as_json=as_json)
        return
    (chosen, stored), asked = everything_asked(
        lambda: (
            chosen_market(scenario, users, days, seed, overrides, out=out, replays_tracking=True, processes=processes)
            if left is None
            else (left.checked(scenario, users, days, seed, overrides), None)
        ),
        models,
        judge,
        seeds,
    )
    bounds = check_options(memory, events, out, engine, chosen, threads, cluster, stored=stored is not None)
    options = {"by": list(dimensions), "models": list(models), "judge": judge, "seeds": seeds}
    blocks = None
    if out is not None and stored is None and engine == "cohort" and not chosen.processes:
        blocks = Blocks(Making("run", chosen, events, options), bounds, resume=left is not None, cluster=cluster)
    drawn = nullcontext() if charts is None else whole_folder(charts, force=force)
    with drawn as chart_folder, progress_bar(quiet) as report:
        comparison, segments, markets = main_job(
            chosen, stored, out, force, dimensions, asked, seeds, engine, threads, report, quiet, blocks, events
        )
        if chart_folder is not None:
            from experiments.report.pages.run_figures import write_run_figures
            from simulator.storage import write_manifest

            write_run_figures(comparison, chart_folder, kinds)
            write_manifest(chart_folder, None)
    from experiments.cli.terminal import print_json
    from experiments.cli.terminal_tables import comparison_as_json, print_comparison, print_segments, print_ten_seconds

    if as_json:
        by = {dimension: frame.to_dict("records") for dimension, frame in segments.items()}
        geo = {test.name: test.summary() for test in comparison.geo_tests}
        print_json(
            run_facts(chosen)
            | comparison_as_json(comparison)
            | ({"by": by} if by else {})
            | ({"geo_tests": geo} if geo else {})
            | ({} if markets is None else {"truth_over_seeds": markets.to_frame().to_dict("records")})
        )
    elif not quiet:
        (print_comparison if full else print_ten_seconds)(comparison)
        print_segments(segments)
        if markets is not None:
            from experiments.cli.market.truth_further import print_over_seeds

            print_over_seeds(markets)
        for test in comparison.geo_tests:
            click.echo(visible(test.summary()))
        if out is not None:
            click.echo(visible(f"\nWritten to {out}: open {out / 'report.html'}"))
        if charts is not None:
            click.echo(visible(f"Charts are in {charts}"))


def _check_charts(charts: Path | None, out: Path | None) -> None:
    """Refuse charts in, or around, the folder of the result, which appears as a whole.

    Raises:
        InvalidInputError: they would be.
    """
    if charts is None or out is None:
        return
    place, whole = charts.resolve(), out.resolve()
    if place.is_relative_to(whole) or whole.is_relative_to(place):
        rule, hint = "must lie beside the folder of --out, neither in it nor around it", f"write {out}-charts"
        raise InvalidInputError([Problem("--charts", rule, str(charts), hint)])


def run_facts(scenario: Scenario) -> dict[str, object]:
    """What a result must carry to be made again: seed, people, days and version."""
    from cpalab import __version__

    return {
        "seed": scenario.run.seed,
        "people": scenario.run.users,
        "days": scenario.run.days,
        "cpalab": __version__,
    }


def everything_asked(
    market: "Callable[[], tuple[Scenario, World | None]]",
    models: tuple[str, ...],
    judge: str | None,
    seeds: int | None = None,
) -> "tuple[tuple[Scenario, World | None], tuple[Sequence[AttributionModel], AttributionModel]]":
    """The market, and the models with their judge; a number of seeds is only checked.

    Raises:
        Refused: what is wrong with either; all problems at once.
    """
    from cpalab.refusal import Refused
    from experiments.comparison.comparison import chosen_models
    from experiments.comparison.perfect_tracking import MODELS
    from experiments.truth.over_seeds import check_seeds

    problems: list[Problem] = []
    try:
        check_seeds(seeds)
    except Refused as error:
        problems += error.problems
    try:
        compared, judging = chosen_models(models or MODELS, judge)
    except Refused as error:
        problems += error.problems
    try:
        chosen = market()
    except Refused as error:
        problems[:0] = error.problems
    if problems:
        raise Refused(problems)
    return chosen, (compared, compared[judging])


def main_job(
    scenario: Scenario, stored: "World | None", out: Path | None, force: bool, dimensions: tuple["Dimension", ...],
    asked: "tuple[Sequence[AttributionModel], AttributionModel]", seeds: int | None, engine: "EngineName", threads: int,
    report: Report, quiet: bool, blocks: "Blocks | None" = None, events: "EventsKept" = "all",
) -> tuple["Comparison", "dict[str, pd.DataFrame]", "TruthOverSeeds | None"]:  # fmt: skip
    """Everything from the scenario to the files; returns what was found."""
    from contextlib import AbstractContextManager, nullcontext

    import pandas as pd
    import pyarrow.parquet as pq

    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal_tables import asked_models
    from experiments.comparison.comparison import compare
    from experiments.comparison.five_cpas import cpas_by
    from experiments.designs.regions.geo_books import geo_frame
    from experiments.report.pages.page import render_report
    from experiments.truth.effects import ESTIMANDS
    from experiments.truth.order_table import order_table
    from experiments.truth.over_seeds import truth_over_seeds
    from simulator.engines.compile_ahead import second_lives_compile_beside
    from simulator.record.record import record
    from simulator.storage import read_world, write_world

    place: AbstractContextManager[Any] = nullcontext()
    if out is not None:
        place = whole_folder(out, force=force) if blocks is None else blocks.folder(out, force=force)
    with place as folder:
        say_if_compiling(quiet)
        made = blocks is not None and is_made(folder)
        truth = None
        if made:
            world = read_world(folder)
        elif blocks is None:
            with second_lives_compile_beside() as wait_for_second_lives:
                world = world_of(scenario, stored, engine, threads, report)
                wait_for_second_lives()
        else:
            world, truth = blocks.world_and_truth(folder, ESTIMANDS, threads, report)
        models, judge = asked
        comparison = compare(
            world, models=models, judge=judge, estimands=ESTIMANDS, truth=truth, threads=threads, progress=report
        )
        recorded = record(world) if dimensions else None
        segments: dict[str, pd.DataFrame] = {name: cpas_by(world, name, recorded) for name in dimensions}
        markets = None
        if seeds is not None:
            markets = truth_over_seeds(
                world, seeds, truth=comparison.truth, threads=threads, progress=lambda share: report("seeds", share)
            )
        if folder is not None and not made:
            report("write", 0.0)
            write_world(world, folder)
            pq.write_table(order_table(world, comparison.truth), folder / "orders.parquet")
            comparison.to_frame().to_csv(folder / "cpa.csv", index=False)
            comparison.truth.to_frame().to_csv(folder / "truth.csv", index=False)
            if asked_models(comparison):
                judged = [name == comparison.judge for name in comparison.models]
                pd.DataFrame({"model": comparison.models, "judge": judged}).to_csv(folder / "models.csv", index=False)
            if comparison.systems is not None:
                comparison.systems.to_frame().to_csv(folder / "five_cpas.csv", index=False)
            if comparison.weeks is not None:
                comparison.weeks.to_csv(folder / "cpa_by_week.csv", index=False)
            if markets is not None:
                markets.to_frame().to_csv(folder / "truth_over_seeds.csv", index=False)
            for dimension, frame in segments.items():
                frame.to_csv(folder / f"cpa_by_{dimension}.csv", index=False)
            for test in comparison.geo_tests:
                test.to_frame().to_csv(folder / f"geo_test_{test.name}.csv", index=False)
                geo_frame(world, test.name).to_csv(folder / f"geo_panel_{test.name}.csv", index=False)
            (folder / "report.html").write_text(render_report(comparison, scenario.run), encoding="utf-8")
            finish(folder, world.scenario, events, asked_models(comparison))
    return comparison, segments, markets
