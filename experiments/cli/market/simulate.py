"""`cpalab simulate`: a world and nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
from experiments.cli.options import chosen_scenario, engine_options, process_option, scenario_options
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from simulator.by_blocks import EventsKept
    from simulator.playing import EngineName


@click.command()
@scenario_options
@process_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the world's files.",
)
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@engine_options
@block_options
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...], out: Path | None, force: bool, engine: "EngineName", threads: int, memory: str | None,
    events: "EventsKept", resume: Path | None, cluster: str | None, quiet: bool,
) -> None:  # fmt: skip
    """Simulate a market and write what happened: events, users, market, timeline and a manifest.

    SCENARIO is a name (see cpalab scenarios) or a TOML file. With --memory or --cluster people live twice: first the market
    is run, of which only sums are kept, then their lives are written block by block; a killed run goes on with --resume DIR.
    """
    if resume is not None:
        asked = {"events": events, "processes": list(processes), "engine": engine}
        left = resumed("simulate", resume, out, {name: value for name, value in asked.items() if is_typed(name)})
        chosen, out, events = left.checked(scenario, users, days, seed, overrides), resume, left.events
    else:
        chosen = chosen_scenario(scenario, users, days, seed, overrides, processes)
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    bounds = check_options(memory, events, out, engine, chosen, threads, cluster)
    blocks = Blocks(Making("simulate", chosen, events), bounds, resume=resume is not None, cluster=cluster)
    by_blocks = memory is not None or resume is not None or cluster is not None
    from cpalab.whole_output import whole_folder
    from simulator.event_log import StoredEvents
    from simulator.storage import read_world, write_world
    from simulator.world import simulate

    with blocks.folder(out, force=force) if by_blocks else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet, twins=False)
        with progress_bar(quiet) as report:
            if is_made(folder):
                world = read_world(folder)
            else:
                world = (
                    blocks.world(folder, threads, report)
                    if by_blocks
                    else simulate(
                        chosen, engine=engine, threads=threads, progress=lambda share: report("simulate", share)
                    )
                )
                write_world(world, folder)
                finish(folder, world.scenario, events, reduced=by_blocks)
        rows = StoredEvents(tuple((folder / "events").iterdir())).num_rows
    if not quiet:
        what = {"all": "events", "sample": "events of one person in a hundred", "orders": "events of orders"}
        click.echo(f"{rows:,} {what.get(events, 'events')} of {world.users.num_rows:,} people in {out}")
