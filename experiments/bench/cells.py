"""Cells: the worlds of a bench or a sweep, each kept as a small file when it is done, so that none is computed twice.

A cell's file bears a hash of everything that its rows depend on: another scenario, model or version is another cell.
"""

import hashlib
import inspect
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from cpalab import __version__
from cpalab.compile_cache import cache_folder
from simulator.compiled import PACKAGE

__all__ = ["Kept", "MapCells", "recipe_of_models", "version_of_law"]

Row = dict[str, Any]
Case = TypeVar("Case")
# Any `map`: of threads, processes or machines. Results come in the order of the cases.
MapCells = Callable[[Callable[[Any], list[Row]], Iterable[Any]], Iterable[list[Row]]]


@dataclass(frozen=True)
class Kept(Generic[Case]):
    """A piece of work whose rows are read from its file where there is one, and written to it where there is none.

    Attributes:
        work: the rows of a case.
        recipe: the case and everything else that its rows depend on, in words.
        folder: where the files are; None keeps nothing.
    """

    work: Callable[[Case], list[Row]]
    recipe: Callable[[Case], str]
    folder: Path | None = None

    def __call__(self, case: Case) -> list[Row]:
        """The rows of a case; safe to be called from several threads and processes at once."""
        if self.folder is None:
            return self.work(case)
        path = self.folder / f"{hashlib.sha256(self.recipe(case).encode()).hexdigest()[:32]}.json"
        if path.is_file():
            found: list[Row] = json.loads(path.read_text(encoding="utf-8"))
            return found
        rows = self.work(case)
        self.folder.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            half.write_text(json.dumps(rows), encoding="utf-8")
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
        return rows


def recipe_of_models(models: Sequence[object]) -> str:
    """Models and methods in words: class, parameters, source of the class, so that a model that was changed is another."""
    words = []
    for model in models:
        try:
            source = inspect.getsource(type(model))
        except (OSError, TypeError):  # typed at a prompt
            source = ""
        words.append(f"{type(model).__module__}:{model!r}:{hashlib.sha256(source.encode()).hexdigest()}")
    return "; ".join(words)


def version_of_law() -> str:
    """Version of cpalab, and the name that the compiled law is kept under, which changes with its sources."""
    folder = cache_folder(PACKAGE)
    return f"{__version__} {'' if folder is None else folder.name}"
