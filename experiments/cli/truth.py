"""`cpalab truth`: what each channel's ads really caused."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from experiments.cli.options import chosen_scenario, engine_options, scenario_options, talk_options
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from simulator.world import EngineName


@click.command()
@scenario_options
@click.option(
    "--feedback",
    type=click.Choice(["held", "free"]),
    default="held",
    show_default=True,
    help="Whether the market's budgets and pacing react to a change.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for truth.csv, truth.json and a manifest; nothing is written without it.",
)
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    feedback: Literal["held", "free"], out: Path | None, force: bool, engine: "EngineName", threads: int, quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Average, marginal and joint effects of ads, by living everyone's life again without them.

    SCENARIO is a name (see cpalab scenarios) or a TOML file. With --out, writes truth.csv (the effects, as cpalab run
    does), truth.json (what --json prints) and manifest.json to DIR, whole or not at all.
    """
    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    from experiments.cli.tables import as_json_text, print_truth, truth_as_json
    from experiments.truth import ESTIMANDS, measure_truth
    from simulator.storage import whole_folder, write_manifest
    from simulator.world import simulate

    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            world = simulate(chosen, engine=engine, threads=threads, progress=lambda share: report("simulate", share))
            truth = measure_truth(
                world,
                estimands=ESTIMANDS,
                feedback=feedback,
                threads=threads,
                progress=lambda share: report("truth", share),
            )
        told = as_json_text(truth_as_json(truth))
        if folder is not None:
            truth.to_frame().to_csv(folder / "truth.csv", index=False)
            (folder / "truth.json").write_text(f"{told}\n", encoding="utf-8")
            write_manifest(folder, chosen)
    if as_json:
        click.echo(told)
    elif not quiet:
        print_truth(truth)
        if out is not None:
            click.echo(f"\nWritten to {out}")
