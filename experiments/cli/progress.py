"""Progress: a bar on a terminal, nothing in a pipe, and a word when code must be compiled first."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Report = Callable[[str, float], None]


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Report]:
    """A function to tell (stage, share done); draws a bar on standard error if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda stage, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<12}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, share: float) -> None:
            if stage not in tasks:
                for done in tasks.values():
                    bar.update(done, completed=1.0)
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=share)

        yield report


def say_if_compiling(quiet: bool) -> None:
    """Tell the user what the first minute on a new machine is spent on."""
    from cpalab.compile_cache import cache_folder
    from simulator.compiled import PACKAGE, is_cached
    from simulator.engines.kernels import advance
    from simulator.engines.second_lives import relive

    if quiet or (is_cached(advance) and is_cached(relive)):
        return
    where = cache_folder(PACKAGE)
    kept = f"kept in {where}" if where else "not kept: no cache folder can be written, set CPALAB_CACHE_DIR"
    click.echo(f"Compiling the law of the world; this happens once and takes about half a minute ({kept}).", err=True)
