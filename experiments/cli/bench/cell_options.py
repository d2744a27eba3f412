"""What sweeps and leaderboards share: worlds over processes, finished worlds kept beside the result, a manifest."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Processes; the same results."
)
figures_option = click.option(
    "--as", "figures", default="svg", show_default=True, metavar="KINDS", help="Kinds of charts in DIR: svg,png,pdf."
)


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


def write_manifest_of(folder: Path) -> None:
    """What the folder holds, so that a later run may replace it."""
    from cpalab import __version__
    from cpalab.whole_output import MANIFEST

    files = {path.name: {"bytes": path.stat().st_size} for path in sorted(folder.iterdir())}
    text = json.dumps({"cpalab": __version__, "files": files}, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
