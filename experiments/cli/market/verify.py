"""`cpalab verify DIR`: whether a stored result is what its manifest says, file by file."""

from pathlib import Path

import click

from cpalab.visible_text import visible


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def command(folder: Path) -> None:
    """Compare every file of the result in DIR with the checksums of its manifest.json.

    Exit status 0 if all are there and unchanged, 2 with a line for each that is missing, changed, or not of the result.
    """
    from simulator.storage import verified

    files = verified(folder)
    size = sum(entry["bytes"] for entry in files.values())
    click.echo(visible(f"{folder}: {len(files)} files, {size:,} bytes, all as the manifest says."))
