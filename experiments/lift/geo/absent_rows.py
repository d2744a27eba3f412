"""Rows that a panel lacks, and what happened to them: one geo spelled two ways, a geo that opened or closed, no sales."""

import difflib
import re
import unicodedata
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["absent_row_problems", "spelling_problems"]

# Names at least so alike may be one geo that was renamed, if one begins where the other ends.
ALIKE = 0.6
NEAR_ZERO = 0.2  # of a geo's median


def spelling_problems(geos: NDArray[Any], calendar: NDArray[np.datetime64], rows: NDArray[np.intp]) -> list[str]:
    """A problem for each two names that seem to be one geo; `rows` counts those of geo and date, shape `(G, T)`.

    Two names are one geo where they differ in blanks, capitals, accents or punctuation only, or where the one begins in the
    row after the other has ended and the names are alike: filled with zeros, such a geo would seem to lose all it sold.
    """
    problems: list[str] = []
    by_plain: dict[str, list[int]] = {}
    for k, geo in enumerate(geos):
        by_plain.setdefault(_plain(str(geo)), []).append(k)
    told: set[int] = set()
    for places in by_plain.values():
        if len(places) < 2:
            continue
        first, second = sorted(places, key=lambda k: int(np.argmax(rows[k] > 0)))[:2]
        told |= set(places)
        problems.append(_two_names(geos, calendar, rows, first, second))
    starts, ends = (rows > 0).argmax(axis=1), rows.shape[1] - 1 - (rows[:, ::-1] > 0).argmax(axis=1)
    for second in np.flatnonzero(starts > 0).tolist():
        before = [k for k in np.flatnonzero(ends == starts[second] - 1).tolist() if not {k, second} & told]
        alike = [k for k in before if _ratio(geos[k], geos[second]) >= ALIKE]
        if alike:
            first = max(alike, key=lambda k: _ratio(geos[k], geos[second]))
            told |= {first, second}
            problems.append(_two_names(geos, calendar, rows, first, second))
    return problems


def absent_row_problems(
    geos: NDArray[Any],
    calendar: NDArray[np.datetime64],
    rows: NDArray[np.intp],
    response: NDArray[np.float64],
    filled: bool,
) -> list[str]:
    """What is wrong with the number of rows per geo and date; absent ones are no problem where they are `filled`.

    A geo that has no row from some date on, or up to one, may have closed, opened or been renamed: only rows absent here and
    there may mean that nothing was sold, and not where a geo has never sold next to nothing.
    """
    problems = []
    repeated, absent = rows > 1, rows == 0
    if repeated.any():
        problems.append(
            f"geo, date: {int(repeated.sum()):,} pairs have several rows and must have one; sum them "
            f"({_example(geos, calendar, repeated)})"
        )
    if filled or not absent.any():
        return problems
    here = ~absent
    starts, ends = here.argmax(axis=1), rows.shape[1] - 1 - here[:, ::-1].argmax(axis=1)
    cut = []
    for k in np.flatnonzero(absent.any(axis=1)):
        if here[k, starts[k] : ends[k] + 1].all():
            cut.append(
                f"{geos[k]} ends on {calendar[ends[k]]}"
                if starts[k] == 0
                else f"{geos[k]} begins on {calendar[starts[k]]}"
            )
    number = f"geo, date: {int(absent.sum()):,} pairs have no row and must have one"
    if len(cut) == int(absent.any(axis=1).sum()):
        shown = "; ".join(cut[:3]) + (" …" if len(cut) > 3 else "")
        names = ",".join(text.split(" begins on ")[0].split(" ends on ")[0] for text in cut)
        problems.append(
            f"{number} ({shown}): a geo that opened, closed or was renamed; give a renamed geo one name, or leave it out "
            f"with --exclude {names}. Zeros would be read as sales lost"
        )
    elif _never_near_zero(response, here, absent.any(axis=1)):
        dates = calendar[absent.any(axis=0)]
        skipped = " ".join(f"--skip {date}..{date}" for date in dates[:3]) + (" …" if len(dates) > 3 else "")
        problems.append(
            f"{number} ({_example(geos, calendar, absent)}): no such geo ever sold next to nothing, so these rows were not "
            f"recorded; export them again, or leave the dates out with {skipped}. Zeros would be read as sales lost"
        )
    else:
        problems.append(
            f"{number} ({_example(geos, calendar, absent)}); if no row means no sales, ask for missing_rows='zero'"
        )
    return problems


def _never_near_zero(response: NDArray[np.float64], here: NDArray[np.bool_], lacking: NDArray[np.bool_]) -> bool:
    """Whether every geo that lacks rows has sold at least a fifth of its median wherever it has one."""
    sold = [values[known] for values, known in zip(response[lacking], here[lacking], strict=True)]
    return all(values.min() > max(NEAR_ZERO * float(np.median(values)), 0.0) for values in sold)


def _two_names(
    geos: NDArray[Any], calendar: NDArray[np.datetime64], rows: NDArray[np.intp], first: int, second: int
) -> str:
    here, there = rows[first] > 0, rows[second] > 0
    if (here & there).any():
        what = f"both have rows on {int((here & there).sum()):,} dates: one geo entered twice (sum them), or two geos"
    else:
        what = f"'{geos[second]}' begins on {calendar[there.argmax()]}, where '{geos[first]}' has no row any more"
    return (
        f"geo: '{geos[first]}' and '{geos[second]}' must not be one geo spelled two ways: {what}; "
        "give one geo one name, and two geos two that differ"
    )


def _example(geos: NDArray[Any], calendar: NDArray[np.datetime64], chosen: NDArray[np.bool_]) -> str:
    geo, date = np.argwhere(chosen)[0]
    return f"first {geos[geo]} on {calendar[date]}"


def _plain(name: str) -> str:
    """The name without blanks, capitals, accents and punctuation; digits keep their places (1-12 is not 11-2)."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    parts = [part for part in re.split(r"[\W_]+", kept) if part]
    return "".join(
        ("|" if k and part[0].isdigit() and parts[k - 1][-1].isdigit() else "") + part for k, part in enumerate(parts)
    )


def _ratio(one: object, other: object) -> float:
    return difflib.SequenceMatcher(None, _plain(str(one)), _plain(str(other))).ratio()
