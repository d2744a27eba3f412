"""Progress: a bar on a terminal, words in a pipe, and a word when code must be compiled first."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Report = Callable[[str, float], None]
SECONDS_BETWEEN_WORDS = 10.0


@contextmanager
def progress_bar(quiet: bool, *, in_words: bool = True) -> Iterator[Report]:
    """A function to tell (stage, share done): a bar on standard error if that is a terminal, else words.

    Args:
        quiet: say nothing.
        in_words: say something where there is no terminal.
    """
    if quiet or not (in_words or sys.stderr.isatty()):
        yield lambda stage, share: None
        return
    if not sys.stderr.isatty():
        yield _in_words()
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


def _in_words() -> Report:
    """Says when a part begins, and every ten seconds how much of it is done."""
    said: dict[str, float] = {}

    def report(stage: str, share: float) -> None:
        now = time.monotonic()
        if stage not in said:
            click.echo(f"{stage} …", err=True)
        elif now - said[stage] >= SECONDS_BETWEEN_WORDS and share < 1.0:
            click.echo(f"{stage} … {share:z.0%}", err=True)
        else:
            return
        said[stage] = now

    return report


def say_if_compiling(quiet: bool, *, twins: bool = True) -> None:
    """Tell the user what the first minute on a new machine is spent on.

    Args:
        quiet: say nothing.
        twins: whether the command lives second lives too, which have code of their own.
    """
    from cpalab.compile_cache import cache_folder
    from simulator.compiled import PACKAGE, is_cached
    from simulator.engines.kernels import advance
    from simulator.engines.second_lives import relive

    if quiet or (is_cached(advance) and (not twins or is_cached(relive))):
        return
    where = cache_folder(PACKAGE)
    kept = f"kept in {where}" if where else "not kept: no cache folder can be written, set CPALAB_CACHE_DIR"
    click.echo(
        f"Compiling the law of the world; this happens once and takes one to two minutes of a processor ({kept}).",
        err=True,
    )
