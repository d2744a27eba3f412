"""`cpalab truth`: what each channel's ads really caused."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from experiments.cli.chosen_world import chosen_market, world_of
from experiments.cli.options import engine_options, output_options, process_option, scenario_options, talk_options
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from simulator.playing import EngineName


@click.command()
@scenario_options
@process_option
@click.option(
    "--feedback",
    type=click.Choice(["held", "free"]),
    default=None,
    help="Whether the market's budgets and pacing react to a change. By default they do not, but for the marginal bid of a "
    "channel whose budget binds.",
)
@click.option(
    "--interactions",
    metavar="CHANNEL,…",
    help="Also up to six channels' true Shapley values and synergies: every subset of them on and off.",
)
@output_options
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...],
    feedback: Literal["held", "free"] | None, interactions: str | None, out: Path | None, force: bool, engine: "EngineName",
    threads: int, quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Average, marginal and joint effects of ads, by living everyone's life again without them.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world that cpalab simulate or run has
    written. With --out, writes truth.csv (the effects, as cpalab run does), orders.parquet (every order with its label per
    channel: always, moved, caused, prevented), truth.json (what --json prints) and manifest.json to DIR, whole or not at all.
    """
    chosen, stored = chosen_market(scenario, users, days, seed, overrides, out=out, processes=processes)
    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal import print_json, write_tables
    from experiments.cli.terminal_tables import print_interactions, print_truth, truth_as_json
    from experiments.truth.effects import ESTIMANDS, measure_truth
    from experiments.truth.interactions import check_channels, measure_interactions
    from experiments.truth.order_table import order_table
    from simulator.engines.compile_ahead import second_lives_compile_beside
    from simulator.storage import write_manifest

    together = None if interactions is None else [name.strip() for name in interactions.split(",") if name.strip()]
    if together is not None:
        check_channels(chosen, together)
    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            with second_lives_compile_beside() as wait_for_second_lives:
                world = world_of(chosen, stored, engine, threads, report)
                wait_for_second_lives()
            truth = measure_truth(
                world,
                estimands=ESTIMANDS,
                feedback=feedback,
                threads=threads,
                progress=lambda share: report("truth", share),
            )
            found = together and measure_interactions(
                world,
                together,
                feedback=feedback or "held",
                threads=threads,
                progress=lambda share: report("interactions", share),
            )
        frames = {"truth": truth.to_frame()}
        if found:
            frames["interactions"] = found.to_frame()
            if len(found.channels) > 1:
                frames["synergies"] = found.synergy_frame()
        tables = truth_as_json(truth) | {
            name: frame.to_dict("records") for name, frame in frames.items() if name != "truth"
        }
        if folder is not None:
            import pyarrow.parquet as pq

            pq.write_table(order_table(world, truth), folder / "orders.parquet")
            write_tables(folder, "truth", tables, frames)
            write_manifest(folder, world.scenario)
    if as_json:
        print_json(tables)
    elif not quiet:
        print_truth(truth)
        if found:
            print_interactions(found)
        if out is not None:
            click.echo(f"\nWritten to {out}")
