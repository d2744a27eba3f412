"""`cpalab sweep`: quantities of many worlds that differ in some parameters, and which parameter moves the CPA gap most."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.bench.cell_options import (
    cells_beside,
    figures_option,
    jobs_option,
    processes,
    refuse_files_in_processes,
)
from experiments.cli.options import scenario_changes, scenario_options
from experiments.cli.plugin_lists import PARAMETERS, listing_option
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from experiments.bench.sweep import Sweep
    from experiments.bench.sweep_design import DesignName
    from experiments.report.figure_files import FigureKind


def _list_metrics(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from experiments.bench.quantities import QUANTITIES

    width = max(map(len, QUANTITIES))
    click.echo("\n".join(f"{name:<{width}}  {line}" for name, (line, _) in QUANTITIES.items()))
    context.exit()


@click.command()
@scenario_options
@click.option("--vary", "variations", multiple=True, required=True, metavar="PATH=VALUES",
              help="A parameter and its values: path=a,b,c or path=lo..hi:n. Repeatable.")  # fmt: skip
@click.option("--design", type=click.Choice(["grid", "sobol"]), default="grid", show_default=True,
              help="All values crossed, or points spread over the ranges.")  # fmt: skip
@click.option("--samples", type=click.IntRange(2, 65_536), default=64, show_default=True,
              help="Of a Sobol design, a power of two: it has samples × (parameters + 2) points.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Worlds of each point.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", help="A quantity (--metrics); repeatable. Default: gap."
)
@click.option("--model", "-m", "models", multiple=True, metavar="MODEL",
              help="An attribution model; repeatable, the first is judged. Default: last_click.")  # fmt: skip
@jobs_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write sweep.html, sweep.parquet, sensitivity.csv and .svg.",
)
@figures_option
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--metrics", "listed_metrics", is_flag=True, is_eager=True, expose_value=False, callback=_list_metrics,
              help="List the quantities.")  # fmt: skip
@listing_option("--models", "List the models with their parameters.", "attribution.model:MODELS", PARAMETERS)
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    variations: tuple[str, ...], design: "DesignName", samples: int, seeds: int, metrics: tuple[str, ...],
    models: tuple[str, ...], jobs: int, out: Path | None, figures: str, force: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Simulate many worlds that differ in some parameters, and say which of these moves the gap between CPAs most.

    Every point of the design has the same seeds, counted up from --seed. A killed sweep with the same --out goes on where
    it was: finished worlds are kept beside DIR, in DIR.cells, until all are done.
    """
    from contextlib import nullcontext

    from cpalab.whole_output import whole_folder
    from experiments.bench.sweep import sweep
    from experiments.bench.sweep_design import parse_variations
    from experiments.report.figure_files import figure_kinds

    kinds = figure_kinds(figures)
    vary, changes = parse_variations(variations), scenario_changes(users, days, None, overrides)
    first = 1 if seed is None else seed
    refuse_files_in_processes(jobs, models)
    with cells_beside(out) as cells, nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report, processes(jobs) as map_:
            found = sweep(
                scenario, vary, seeds=range(first, first + seeds), design=design, samples=samples,
                metrics=metrics or ("gap",), models=models or ("last_click",), overrides=changes, keep=cells, map_=map_,
                progress=lambda share: report("simulate", share),
            )  # fmt: skip
        if folder is not None:
            _write(found, folder, kinds)
    if as_json:
        from experiments.cli.terminal import print_json

        rows = found.sensitivity().to_frame().to_dict("records")
        print_json({"points": found.to_frame().to_dict("records"), "sensitivity": rows, "summary": found.summary()})
    elif not quiet:
        click.echo(found.summary())
        if out is not None:
            click.echo(f"\nWritten to {out}: open {out / 'sweep.html'}")


def _write(found: "Sweep", folder: Path, kinds: "tuple[FigureKind, ...]") -> None:
    from experiments.cli.terminal import write_csv
    from experiments.report.figure_files import write_figure
    from simulator.storage import write_manifest

    found.rows.to_parquet(folder / "sweep.parquet", index=False)
    sensitivity = found.sensitivity()
    write_csv(sensitivity.to_frame(), folder / "sensitivity.csv")
    (folder / "sweep.html").write_text(found.to_page(), encoding="utf-8")
    write_figure(sensitivity.chart(), folder, "sensitivity", kinds)
    write_manifest(folder, None)
