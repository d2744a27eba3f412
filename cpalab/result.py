"""`Result`: what every result can do: a table, a sentence, and a form that fits a notebook."""

from abc import ABC, abstractmethod
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 50  # of a table shown in a notebook; `to_frame()` has them all


class Result(ABC):
    """A result: `to_frame()` is its table, `summary()` its sentences, `str()` the same, and a notebook shows the table.

    `to_latex()` is the table for a paper.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """A dataclass would write a `__repr__` that prints every array of the result: one line is kept instead."""
        super().__init_subclass__(**options)
        cls.__repr__ = Result.__repr__  # type: ignore[method-assign]  # before the dataclass decorator looks for one

    @abstractmethod
    def to_frame(self) -> "pd.DataFrame":
        """The result as a table, units in the names of its columns."""

    @abstractmethod
    def summary(self) -> str:
        """The result in sentences."""

    def to_latex(self) -> str:
        """The table for a paper: a LaTeX `tabular` with three significant digits, names made safe."""
        return str(self.to_frame().to_latex(index=False, float_format="%.3g", escape=True, na_rep="--"))

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        line = " ".join(self.summary().split())
        return f"<{type(self).__name__}: {line if len(line) <= 160 else line[:157] + '…'}>"

    def _repr_html_(self) -> str:
        table: str = self.to_frame().to_html(max_rows=MOST_ROWS, border=0, na_rep="–", index=False)
        return f"{table}<p>{escape(self.summary())}</p>"
