"""What sweeps and leaderboards share: worlds over processes, finished worlds kept beside the result, a manifest."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cpalab.refusal import InvalidInputError, Problem

jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Processes; the same results."
)
figures_option = click.option(
    "--as", "figures", default="svg", show_default=True, metavar="KINDS", help="Kinds of charts in DIR: svg,png,pdf."
)


def refuse_files_in_processes(jobs: int, models: Sequence[str]) -> None:
    """Refuse models named by file where several processes work: another process would not find their class.

    Raises:
        InvalidInputError: naming them.
    """
    found = [name for name in models if ".py:" in name] if jobs > 1 else []
    if found:
        rule, hint = "is known by its file to this process alone", "name it module:Class, or leave out --jobs"
        raise InvalidInputError([Problem("--model", rule, name, hint) for name in found])


@contextmanager
def processes(jobs: int) -> "Iterator[Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]]":
    """`map` over this many processes; what is not begun when the block ends in an error is not begun."""
    if jobs == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        yield pool.map
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@contextmanager
def cells_beside(out: Path | None) -> Iterator[Path | None]:
    """The folder OUT.cells, where finished worlds are kept until all are; gone when the block ends well."""
    if out is None:
        yield None
        return
    folder = out.resolve().with_name(f"{out.resolve().name}.cells")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
