"""`cpalab truth`: what each channel's ads really caused."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from experiments.cli.options import chosen_scenario, engine_options, output_options, scenario_options, talk_options
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
@output_options
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    feedback: Literal["held", "free"], out: Path | None, force: bool, engine: "EngineName", threads: int, quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Average, marginal and joint effects of ads, by living everyone's life again without them.

    SCENARIO is a name (see cpalab scenarios) or a TOML file. With --out, writes truth.csv and truth.json to DIR, whole or
    not at all.
    """
    from contextlib import nullcontext

    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    from experiments.cli.tables import print_json, print_truth, write_tables
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
        labels = {channel: found.counts() for channel, found in truth.labels.items()}
        tables = {"feedback": feedback, "effects": truth.to_frame().to_dict("records"), "labels": labels}
        if folder is not None:
            write_tables(folder, "truth", tables, {"truth": truth.to_frame()})
            write_manifest(folder, chosen)
    if as_json:
        print_json(tables)
    elif not quiet:
        print_truth(truth)
        if out is not None:
            click.echo(f"\nWritten to {out}")
