"""`cpalab export`: one market's touches, conversions and costs, in any format that attribution reads."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.chosen_world import chosen_market, world_of
from experiments.cli.options import engine_options, scenario_options
from experiments.cli.plugin_lists import PARAMETERS, listing_option
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    from experiments.bench.export import Tracking
    from simulator.playing import EngineName


@click.command()
@scenario_options
@click.option("--format", "format_name", required=True, metavar="FORMAT",
              help="A name, name(option=value), module:Class or FILE.py:Class.")  # fmt: skip
@click.option("--action", metavar="NAME", help="The action that counts, such as lead. Default: the conversion.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="The date of day 0: dates are written for days.")
@click.option("--tracking", type=click.Choice(["perfect", "recorded"]), default="perfect", show_default=True,
              help="Everything that happened, or what web analytics recorded of it.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the files.")
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@engine_options
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@listing_option("--formats", "List the formats with their options.", "attribution.formats.registry:FORMATS", PARAMETERS)
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    format_name: str, action: str | None, start: datetime | None, tracking: "Tracking", out: Path, force: bool,
    engine: "EngineName", threads: int, quiet: bool,
) -> None:  # fmt: skip
    """Write what a market's people did in a format of attribution, without its truth.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world that cpalab simulate or run has
    written. Reading the files with cpalab attribute gives the same credits as reading the world; what the format cannot
    hold is left out and told.
    """
    from attribution.formats.registry import load_format

    load_format(format_name)  # refused before any work
    chosen, stored = chosen_market(scenario, users, days, seed, overrides, out=out, replays_tracking=True)
    from cpalab.whole_output import whole_folder
    from experiments.bench.export import export_world
    from simulator.storage import write_manifest

    with whole_folder(out, force=force) as folder:
        say_if_compiling(quiet, twins=False)
        with progress_bar(quiet) as report:
            world = world_of(chosen, stored, engine, threads, report)
            report("write", 0.0)
            found = export_world(world, format_name, folder, action=action, start=start, tracking=tracking)
        names = [path.relative_to(folder).as_posix() for path in found.files]
        write_manifest(folder, chosen)
    if not quiet:
        click.echo("\n".join([f"{', '.join(names)} in {out}", *found.notes]))
