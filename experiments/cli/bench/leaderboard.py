"""`cpalab leaderboard`: which attribution model finds the truth, and under which assumptions it does not."""

import re
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
from experiments.cli.plugin_lists import METHOD_PARAMETERS, PARAMETERS, listing_option
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from experiments.bench.leaderboard import Leaderboard, Tracking

COLUMNS = ("error", "total error", "log CPA", "rank τ", "R²", "decisions", "regret")


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]…")
@click.option("--model", "-m", "models", multiple=True, metavar="MODEL",
              help="A model: a name, a name with parameters, module:Class or FILE.py:Class. Repeatable.")  # fmt: skip
@click.option("--observational", "methods", multiple=True, metavar="METHOD",
              help="A comparison of exposed with unexposed people, beside the models; repeatable; 'each': all.")  # fmt: skip
@click.option("--variation", "variations", multiple=True, metavar="NAME",
              help="Assumptions to change: 'clicks only', or two joined by ' + '; repeatable; 'each': all.")  # fmt: skip
@click.option("--cross", is_flag=True, help="Also every pair of these variations that do not contradict each other.")
@click.option("--tracking", type=click.Choice(["perfect", "recorded"]), default="perfect", show_default=True,
              help="What the models see: every visit, or what web analytics recorded.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 10_000), default=5, show_default=True, help="Worlds of each case.")
@click.option("--users", type=click.IntRange(min=1), help="People of each world; budgets scale along.")
@click.option("--regret", is_flag=True, help="Move budget as each model says, and run the world again: orders lost.")
@jobs_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write leaderboard.html, .parquet, .csv, .tex and charts.",
)
@figures_option
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@listing_option("--models", "List the models with their parameters.", "attribution.model:MODELS", PARAMETERS)
@listing_option("--methods", "List the observational methods with their parameters.",
                "experiments.bench.observational.method:METHODS", METHOD_PARAMETERS)  # fmt: skip
def command(
    scenarios: tuple[str, ...], models: tuple[str, ...], methods: tuple[str, ...], variations: tuple[str, ...], cross: bool,
    tracking: "Tracking", seeds: int, users: int | None, regret: bool, jobs: int, out: Path | None, figures: str,
    force: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Judge attribution models by worlds whose truth is known.

    Error: how much credited and caused conversions differ, channel by channel, as a share of what was caused. Total error:
    credit beyond it. Log CPA: mean distance of attributed from incremental CPA, in logarithms. Rank: Kendall's τ of the
    channels' order. R²: of attributed against incremental conversions per unit of cost. Decisions: share of the spend
    on which the model and the truth agree whether a channel pays. Regret (--regret): orders lost when a fifth of the budget
    of channels that look dear moves to those that look cheap, against a move by the true marginal CPA; as a share of what was
    caused. --observational puts methods beside the models that compare people whom a channel's ads reached with people whom
    they did not (--methods lists them). A killed run with the same --out goes on where it was.
    """
    from contextlib import nullcontext

    from cpalab.whole_output import whole_folder
    from experiments.bench.leaderboard import DEFAULT_MODELS, leaderboard
    from experiments.bench.observational.method import BUILT_IN
    from experiments.bench.variations import AS_IT_IS, RECORD_ALONE, VARIATIONS, crossed, variations_asked
    from experiments.cli.terminal import write_csv
    from experiments.report.figure_files import figure_kinds, write_figure
    from simulator.storage import write_manifest

    kinds = figure_kinds(figures)
    seen = [name for name in VARIATIONS if tracking == "recorded" or name not in RECORD_ALONE]
    asked = tuple(seen) if "each" in variations else variations or (AS_IT_IS,)
    asked += crossed(variations_asked(asked, tracking)) if cross else ()
    refuse_files_in_processes(jobs, (*models, *methods))
    with cells_beside(out) as cells, nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report, processes(jobs) as map_:
            found = leaderboard(
                models or DEFAULT_MODELS, scenarios or ("dtc-apparel",), range(1, seeds + 1),
                observational=tuple(BUILT_IN) if "each" in methods else methods, variations=asked,
                tracking=tracking, users=users, regret=regret, keep=cells, map_=map_,
                progress=lambda share: report("simulate", share),
            )  # fmt: skip
        if folder is not None:
            found.rows.to_parquet(folder / "leaderboard.parquet", index=False)
            found.channels.to_parquet(folder / "channels.parquet", index=False)
            write_csv(found.across_campaigns(), folder / "across_campaigns.csv")
            (folder / "leaderboard.html").write_text(found.to_page(), encoding="utf-8")
            cases = found.to_frame()[["scenario", "variation"]].drop_duplicates().itertuples(index=False)
            for number, (scenario, variation) in enumerate(cases, start=1):
                name = re.sub(r"\W+", "_", f"error_{number:02d} {Path(scenario).stem} {variation}")
                write_figure(found.chart(scenario, variation), folder, name, kinds)
            write_csv(found.to_frame(), folder / "leaderboard.csv")
            (folder / "leaderboard.tex").write_text(found.to_latex(), encoding="utf-8")
            write_manifest(folder, None)
    _show(found, as_json, quiet)
    if out is not None and not quiet and not as_json:
        click.echo(f"\nWritten to {out}")


def _show(found: "Leaderboard", as_json: bool, quiet: bool) -> None:
    from experiments.bench.measures import Measures
    from experiments.cli.terminal import Table, console, print_json
    from experiments.report.numerals import percent

    frame = found.to_frame()
    if as_json:
        print_json({"rows": frame.to_dict("records"), "summary": found.summary()})
        return
    if quiet:
        return
    screen = console()
    for (scenario, variation, tracking), own in frame.groupby(["scenario", "variation", "tracking"], sort=False):
        table = Table(title=f"{scenario}, {variation}, {tracking} tracking", title_justify="left")
        table.add_column("model")
        for heading in COLUMNS:
            table.add_column(heading, justify="right")
        for row in own.to_dict("records"):
            cells = [float(row[name]) for name in Measures.__dataclass_fields__]
            shown = [percent(cells[0]), percent(cells[1]), *(f"{x:z.2f}" if x == x else "–" for x in cells[2:5])]
            lost = float(row["regret"])
            table.add_row(str(row["model"]), *shown, percent(cells[5]), percent(lost) if lost == lost else "–")
        screen.print(table)
    screen.print(found.summary())
