"""What touches, conversions and costs of one question must agree on: names of channels, people, money and time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.cost_rows import days_of, periods_of
from attribution.formats.records import CountedPaths, Records
from cpalab.refusal import InvalidInputError
from cpalab.tables.numerals import one_currency

MOST_NAMES = 8
TEXT = pa.large_string()


def spelt_alike(names: Iterable[tuple[str, int]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """One spelling for names that differ in case or blanks only, that of most rows; and what was joined, or only looks alike.

    Args:
        names: every name with its number of rows; a name may come several times.
    """
    rows: dict[str, int] = {}
    for name, many in names:
        rows[name] = rows.get(name, 0) + many
    groups: dict[str, list[str]] = {}
    for name in sorted(rows, key=lambda name: (-rows[name], name)):
        groups.setdefault(" ".join(name.casefold().split()), []).append(name)
    said = [
        f"{', '.join(map(repr, found))} are one channel, {found[0]!r}." for found in groups.values() if len(found) > 1
    ]
    near: dict[str, list[str]] = {}
    for key, found in groups.items():
        near.setdefault("".join(letter for letter in key if letter.isalnum()) or key, []).append(found[0])
    said += [
        f"{', '.join(map(repr, found))} are spelt nearly alike and were kept apart; --map FILE joins them."
        for found in near.values()
        if len(found) > 1
    ]
    return {name: found[0] for found in groups.values() for name in found if name != found[0]}, tuple(said)


def mapped(names: Iterable[str], rules: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The channel of every name that a rule fits, a name or a pattern with *, whatever its case; the first counts."""
    found = {}
    for name in names:
        fits = (to for rule, to in rules if fnmatchcase(name.casefold().strip(), rule.casefold().strip()))
        channel = next(fits, None)
        if channel is not None:
            found[name] = channel
    return found


def renamed(data: Records | CountedPaths, names: Mapping[str, str]) -> Records | CountedPaths:
    """The same data with these channels called otherwise; channels of one name become one."""
    if not names:
        return data
    costs = None if data.costs is None else renamed_table(data.costs, names)
    if isinstance(data, CountedPaths):
        return replace(data, paths=data.paths.renamed(names), costs=costs)
    return replace(data, touches=renamed_table(data.touches, names), costs=costs)


def renamed_table(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """The table with these channels called otherwise."""
    encoded = table["channel"].cast(TEXT).dictionary_encode().unify_dictionaries().combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    words = pa.array([names.get(word, word) for word in encoded.dictionary.to_pylist()], TEXT)
    return table.set_column(table.column_names.index("channel"), "channel", words.take(encoded.indices))


def channel_rows(table: pa.Table) -> list[tuple[str, int]]:
    """Every channel of a table with its number of rows."""
    counts = table["channel"].cast(TEXT).value_counts()
    return [(pair["values"], pair["counts"]) for pair in counts.to_pylist() if pair["values"] is not None]


def people_notes(touches: pa.Table, conversions: pa.Table) -> tuple[str, ...]:
    """What to say where people of conversions are not among those of touches, but would be if their ids were spelt alike."""
    if pa.types.is_integer(touches["user_id"].type) and pa.types.is_integer(conversions["user_id"].type):
        return _nobody_met(len(pc.unique(conversions["user_id"])), touches, conversions, ())
    seen, bought = (pc.unique(table["user_id"].cast(TEXT)) for table in (touches, conversions))
    bought = bought.filter(pc.invert(pc.starts_with(bought, "\0")))
    lost = bought.filter(pc.invert(pc.is_in(bought, value_set=seen)))
    if not len(lost):
        return ()
    by_plain = {_plain_id(name): name for name in seen.to_pylist()} if len(seen) < 2_000_000 else {}
    pairs = [(name, by_plain[_plain_id(name)]) for name in lost.to_pylist() if _plain_id(name) in by_plain]
    if pairs:
        shown = "; ".join(f"{one!r} and {other!r}" for one, other in pairs[:3])
        why = sorted({word for pair in pairs[:1000] for word in _difference(*pair)})
        return (
            f"{len(pairs):,} of {len(bought):,} people have conversions and no touch, but would if ids were spelt alike "
            f"({', '.join(why)}): {shown}. Write them one way.",
        )
    return _nobody_met(len(bought), touches, conversions, ()) if len(lost) == len(bought) else ()


def _nobody_met(buyers: int, touches: pa.Table, conversions: pa.Table, said: tuple[str, ...]) -> tuple[str, ...]:
    met = pc.any(
        pc.is_in(conversions["user_id"], value_set=pc.unique(touches["user_id"]).cast(conversions["user_id"].type))
    ).as_py()
    if met or not buyers or not len(touches):
        return said
    ours, theirs = (str(table["user_id"][0].as_py()) for table in (conversions, touches))
    hashed = {len(word) for word in (ours, theirs)} & {32, 40, 64}
    why = "one of them is hashed" if hashed and len(ours) != len(theirs) else "they are ids of different systems"
    return (
        f"None of the {buyers:,} people with conversions is in any touch: {ours!r} here, {theirs!r} there; perhaps {why}.",
    )


def _plain_id(name: str) -> str:
    text = "".join(name.casefold().split()).strip("{}\"'").replace("-", "")
    text = text.removesuffix(".0")
    for prefix in ("mailto:", "user:", "user_", "uid:", "id:", "ga1.1.", "ga1.2."):
        text = text.removeprefix(prefix)
    return text.lstrip("0") or text


def _difference(one: str, other: str) -> list[str]:
    found = []
    if one.casefold() != one or other.casefold() != other:
        found += ["case"] if one.casefold() == other.casefold() or one.lower() != one or other.lower() != other else []
    if one.split() != [one] or other.split() != [other]:
        found.append("blanks")
    if one.endswith(".0") != other.endswith(".0"):
        found.append("'.0'")
    if one.lstrip("0") != one or other.lstrip("0") != other:
        found.append("leading zeros")
    return found or ["a prefix or dashes"]


def money_problems(currencies: Sequence[tuple[str, str]]) -> list[str]:
    """What is wrong where costs and values, or several tables of either, are in different currencies."""
    held: dict[str, list[str]] = {}
    codes = one_currency({code for _, code in currencies})
    for what, given in currencies:
        for code in one_currency({given}) & codes:
            held.setdefault(code, []).append(what)
    if len(held) < 2:
        return []
    told = ", ".join(f"{' and '.join(sorted(set(what)))} in {code}" for code, what in sorted(held.items()))
    return [f"currency: {told}; amounts of several currencies are never put together; convert them to one"]


def period_notes(costs: pa.Table, records: Records) -> tuple[str, ...]:
    """What to say of costs outside the time of touches and conversions; a row of a month or week is outside if all of it is.

    Raises:
        InvalidInputError: if none of the costs lies inside.
    """
    times = [table["time"] for table in (records.touches, records.conversions) if len(table)]
    if not len(costs) or not times or not all(pa.types.is_timestamp(column.type) for column in times):
        return ()
    if "time" in costs.column_names:
        if not pa.types.is_timestamp(costs["time"].type):
            return ()
        starts = ends = _days(costs["time"])
    elif (found := periods_of(costs)) is None:
        return ()
    else:
        name, periods = found
        known = [period for period in periods if period is not None]
        if len(known) < len(periods):
            return (
                f"Costs: {name} holds what is no {name} of a year, so their time is not compared with conversions.",
            )
        starts, ends = days_of(known)
    days = [_days(column) for column in times]
    low, high = min(pc.min(day).as_py() for day in days), max(pc.max(day).as_py() for day in days)
    inside = pc.and_(pc.greater_equal(ends, low), pc.less_equal(starts, high))
    amount = costs["cost_micros"].to_numpy() / 1e6
    outside = float(amount[~inside.to_numpy()].sum())
    first, last = pc.min(starts).as_py(), pc.max(ends).as_py()
    told = f"Costs run from {first} to {last}, touches and conversions from {low} to {high}"
    if not pc.any(inside).as_py():
        raise InvalidInputError([f"cost: {told.lower()}, so no cost belongs to them; give costs of the same days"])
    return (
        (f"{told}: {outside:,.2f} of {amount.sum():,.2f} lie outside and count all the same.",) if outside > 0 else ()
    )


def _days(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
