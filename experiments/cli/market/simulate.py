"""`cpalab simulate`: a world and nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.options import chosen_scenario, engine_options, process_option, scenario_options
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from simulator.playing import EngineName


@click.command()
@scenario_options
@process_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the world's files.",
)
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@engine_options
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    processes: tuple[str, ...],
    out: Path, force: bool, engine: "EngineName", threads: int, quiet: bool,
) -> None:  # fmt: skip
    """Simulate a market and write what happened: events, users, market, timeline and a manifest.

    SCENARIO is a name (see cpalab scenarios) or a TOML file.
    """
    chosen = chosen_scenario(scenario, users, days, seed, overrides, processes)
    from cpalab.whole_output import whole_folder
    from simulator.storage import write_manifest, write_world
    from simulator.world import simulate

    with whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            world = simulate(
                chosen,
                engine=engine,
                threads=threads,
                progress=lambda share: report("simulate", share),
            )
            write_world(world, folder)
            write_manifest(folder, world.scenario)
    if not quiet:
        click.echo(f"{world.events.num_rows:,} events of {world.users.num_rows:,} people in {out}")
