"""`cpalab truth`: what each channel's ads really caused."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from experiments.cli.chosen_world import chosen_market, world_of
from experiments.cli.options import (
    engine_options,
    output_options,
    process_option,
    scenario_options,
    seeds_option,
    talk_options,
)
from experiments.cli.own_market.ensembles import answer_truth, ensemble_of
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from simulator.playing import EngineName

# What only one world can answer.
UNHEARD = ("feedback", "interactions", "by", "pulse", "curve", "at", "seeds")


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
@click.option(
    "--by", "by", type=click.Choice(["week"]), help="Also the effects by the week of the ads and of the order."
)
@click.option(
    "--pulse", "pulse", multiple=True, metavar="CHANNEL:DAY", help="Also what one day's ads of a channel do later."
)
@click.option("--curve", "curve", multiple=True, metavar="CHANNEL", help="Also a channel's response curve.")
@click.option("--at", "at", metavar="DOSE,…", help="Doses of the curves, 1 as it ran. Default: 0,.25,.5,1,1.5,2.")
@seeds_option
@output_options
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...],
    feedback: Literal["held", "free"] | None, interactions: str | None, by: str | None, pulse: tuple[str, ...],
    curve: tuple[str, ...], at: str | None, seeds: int | None, out: Path | None, force: bool, engine: "EngineName",
    threads: int, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Average, marginal and joint effects of ads, by living everyone's life again without them.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world that cpalab simulate or run has
    written; of an ensemble's folder (cpalab init) the ranges over its worlds, as ensemble.csv. With --out, writes truth.html
    (the page), truth.csv (the effects, as cpalab run does),
    orders.parquet (every order with its label per channel: always, moved, caused,
    prevented), truth.json (what --json prints) and manifest.json to DIR, whole or not at all; with --by, --pulse, --curve
    and --seeds also truth_by_week.csv, pulses.csv, curves.csv and truth_over_seeds.csv.
    """
    if worlds := ensemble_of(scenario, users, days, seed, overrides, processes, unheard=UNHEARD):
        answer_truth(worlds, threads=threads, out=out, force=force, quiet=quiet, as_json=as_json)
        return
    chosen, stored = chosen_market(scenario, users, days, seed, overrides, out=out, processes=processes)
    from cpalab.whole_output import whole_folder
    from experiments.cli.market.truth_further import Further
    from experiments.cli.terminal import print_json, write_tables
    from experiments.cli.terminal_tables import print_interactions, print_truth, truth_as_json
    from experiments.report.pages.truth_page import render_truth
    from experiments.truth.effects import ESTIMANDS, measure_truth
    from experiments.truth.interactions import measure_interactions
    from experiments.truth.order_table import order_table
    from simulator.engines.compile_ahead import second_lives_compile_beside
    from simulator.storage import write_manifest

    together = None if interactions is None else [name.strip() for name in interactions.split(",") if name.strip()]
    further = Further.asked(chosen, by, pulse, curve, at, feedback or "held", together, seeds)
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
            answers = further.answers(world, truth, threads, report)
        frames = {"truth": truth.to_frame()}
        if found:
            frames["interactions"] = found.to_frame()
            if len(found.channels) > 1:
                frames["synergies"] = found.synergy_frame()
        frames |= answers.frames()
        tables = truth_as_json(truth) | {
            name: frame.to_dict("records") for name, frame in frames.items() if name != "truth"
        }
        if folder is not None:
            import pyarrow.parquet as pq

            pq.write_table(order_table(world, truth), folder / "orders.parquet")
            write_tables(folder, "truth", tables, frames)
            more = {name: frame for name, frame in frames.items() if name != "truth"}
            page = render_truth(truth, chosen.title or "Your scenario", chosen.market.currency, more)
            (folder / "truth.html").write_text(page, encoding="utf-8")
            write_manifest(folder, world.scenario)
    if as_json:
        print_json(tables)
    elif not quiet:
        print_truth(truth)
        if found:
            print_interactions(found)
        answers.print()
        if out is not None:
            click.echo(f"\nWritten to {out}: open {out / 'truth.html'}")
