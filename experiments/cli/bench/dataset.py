"""`cpalab dataset`: named worlds with their truth, in three schemas, under one hash."""

import os
from pathlib import Path

import click

from experiments.cli.progress import progress_bar, say_if_compiling


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the data set.")
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1,
              help="Threads to use; the same hash. Default: all cores.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
def command(name: str, out: Path, force: bool, threads: int, quiet: bool) -> None:
    """Write a frozen data set (v1): what was seen and what was true of named worlds, with a card.

    Touches, conversions and costs as they happened and as they were recorded, in our tables, in Criteo's columns and in
    ChannelAttribution's; who was held out of which ads; the truth per channel and per order. The same name gives the same
    hash, which CARD.md and dataset.json name.
    """
    from cpalab.whole_output import whole_folder
    from experiments.bench.dataset import write_dataset
    from simulator.storage import write_manifest

    with whole_folder(out, force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            found = write_dataset(name, folder, threads=threads, progress=lambda share: report("simulate", share))
        write_manifest(folder, None)
    if not quiet:
        click.echo(f"{found.summary()}\nWritten to {out}")
