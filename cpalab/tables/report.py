"""`ReadReport`: how many rows were read, which broke a rule (with line numbers), and which were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

BadRows = Literal["refuse", "drop"]
Numbering = Literal["line", "row"]

LINES_SHOWN = 10


@dataclass(frozen=True)
class Defect:
    """Rows of one table that break one rule.

    Attributes:
        place: the table and, where there is one, the column.
        value: the value in the first of these rows, as written; empty where the rule has none.
        rule: what is wrong with it, and a hint.
        rows: how many rows.
        lines: the first of these rows (ten at most): line numbers of a text file from 1, its header included,
            or rows of a data frame from 0.
        numbering: which of the two `lines` are.
        can_drop: whether the rows may be left out; not where that would change what others mean.
    """

    place: str
    value: str
    rule: str
    rows: int
    lines: tuple[int, ...]
    numbering: Numbering = "line"
    can_drop: bool = True

    def __str__(self) -> str:
        """Return `place: value rule; N rows, lines …`."""
        shown = ", ".join(f"{line:,}" for line in self.lines)
        more = ", …" if self.rows > len(self.lines) else ""
        many = f"{self.rows:,} rows, {self.numbering}s" if self.rows > 1 else self.numbering
        value = f"{self.value!r} " if self.value else ""
        return f"{self.place}: {value}{self.rule} ({many} {shown}{more})"


@dataclass(frozen=True)
class ReadReport:
    """What became of the rows of all files.

    Attributes:
        rows: rows read, malformed ones included.
        dropped: malformed rows that were left out; each may have several defects.
        defects: every rule that was broken.
        left_out: well-formed rows that are no touch, conversion or cost of this format, as (what they are,
            how many).
        currencies: (what, code) of the amounts: ("cost", "USD").
        notes: what else a reader should know, such as columns that were not read.
        files: (name, rows read, rows dropped) of every file or data frame.
    """

    rows: int = 0
    dropped: int = 0
    defects: tuple[Defect, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    currencies: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, int, int], ...] = ()

    @staticmethod
    def sum(reports: Sequence[ReadReport]) -> ReadReport:
        """One report of several files."""
        left_out: dict[str, int] = {}
        for report in reports:
            for what, rows in report.left_out:
                left_out[what] = left_out.get(what, 0) + rows
        return ReadReport(
            rows=sum(report.rows for report in reports),
            dropped=sum(report.dropped for report in reports),
            defects=tuple(defect for report in reports for defect in report.defects),
            left_out=tuple(left_out.items()),
            currencies=tuple(dict.fromkeys(pair for report in reports for pair in report.currencies)),
            notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
            files=tuple(file for report in reports for file in report.files),
        )

    def summary(self) -> str:
        """The counts in a sentence, then one line per broken rule and note."""
        text = f"{self.rows:,} rows read, {self.dropped:,} of them malformed and dropped"
        text += "".join(f", {rows:,} left out: {what}" for what, rows in self.left_out if rows)
        return "\n".join([f"{text}.", *self.remarks()])

    def remarks(self) -> tuple[str, ...]:
        """One line per broken rule and note."""
        return (*map(str, self.defects), *self.notes)
