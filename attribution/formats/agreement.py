"""What touches, conversions and costs of one question must agree on: names of channels, people, money and time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.cost_rows import days_of, periods_of
from attribution.formats.records import CountedPaths, Records
from cpalab.refusal import InvalidInputError
from cpalab.tables.numerals import one_currency

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
NO_CHANNEL = frozenset({
    "(not set)", "not set", "(other)", "(unavailable)", "unavailable", "(data deleted)", "unknown", "(unknown)", "undefined",
    "n.n.", "tbd", "missing", "(empty)", "other/unknown", "unattributed", "(not provided)",
})  # fmt: skip
# What tools and people call one company's ads, without "ads", "www." and the top-level domain.
BRANDS = {
    "Meta": "facebook fb meta lfacebook mfacebook lmfacebook facebookmeta metafacebook",
    "Google": "google adword googleadword googlead gad",
    "Microsoft": "bing microsoft msn microsoftbing bingmicrosoft",
    "X": "twitter x tco", "LinkedIn": "linkedin lnkd", "TikTok": "tiktok", "YouTube": "youtube yt",
    "Instagram": "instagram ig linstagram", "Pinterest": "pinterest pin", "Snapchat": "snapchat snap",
    "Amazon": "amazon amz", "email": "email mail newsletter emailmarketing", "Criteo": "criteo",
}  # fmt: skip
BRAND_OF = {_word: brand for brand, words in BRANDS.items() for _word in words.split()}
BRAND_NOISE = re.compile(r"\b(www|ads?|advertising|paid|platforms?|inc)\b|\.(com|net|co|in|be)\b")
TEXT = pa.large_string()
DAY = 86_400_000_000
EARLIEST = date(1990, 1, 1)


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
        groups.setdefault(" ".join(INVISIBLE.sub("", name).casefold().split()), []).append(name)
    said = [
        f"{', '.join(map(repr, found))} are one channel, {found[0]!r}." for found in groups.values() if len(found) > 1
    ]
    near: dict[str, list[str]] = {}
    for key, found in groups.items():
        near.setdefault(_letters(key) or key, []).append(found[0])
    said += [
        f"{', '.join(map(repr, found))} are spelt nearly alike and were kept apart; --map FILE joins them."
        for found in near.values()
        if len(found) > 1
    ]
    brands: dict[str, list[str]] = {}
    for found in near.values():
        if brand := BRAND_OF.get(_letters(BRAND_NOISE.sub("", found[0].casefold()))):
            brands.setdefault(brand, []).append(found[0])
    said += [
        f"{', '.join(map(repr, found))} could be one channel ({brand}) and were kept apart; --map FILE joins them."
        for brand, found in brands.items()
        if len(found) > 1
    ]
    absent = [name for name in rows if name.casefold().strip() in NO_CHANNEL]
    if absent:
        said.append(
            f"{', '.join(map(repr, absent))} says that the channel is not known, and counts as a channel of that name; "
            "--map FILE gives it another."
        )
    return {name: found[0] for found in groups.values() for name in found if name != found[0]}, tuple(said)


def _letters(name: str) -> str:
    """A name's letters and digits without accents, %20 and the s of a plural."""
    plain = unicodedata.normalize("NFKD", unquote(name)).removesuffix(".0")
    return "".join(letter for letter in plain if letter.isalnum()).removesuffix("s")


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


def order_notes(touches: pa.Table, conversions: pa.Table, lookback_days: float) -> tuple[str, ...]:
    """What to say where no touch can have brought a conversion: they come later, or longer before than touches count."""
    if not len(touches) or not len(conversions) or touches["time"].type != conversions["time"].type:
        return ()
    (first, last), (begin, end) = (pc.min_max(table["time"]).values() for table in (touches, conversions))
    told = tuple(
        f"{many:,} {what} lie before {EARLIEST.year}, such as times that are empty or 0: they count as they are written."
        for what, table in (("touches", touches), ("conversions", conversions))
        if (many := _before(table["time"]))
    )
    apart = pc.subtract(begin, last).cast(pa.int64()).as_py() if pa.types.is_timestamp(first.type) else 0
    if end.as_py() >= first.as_py() and apart <= lookback_days * DAY:
        return told
    return (
        *told,
        f"Touches run from {_shown(first)} to {_shown(last)}, conversions from {_shown(begin)} to {_shown(end)}: none of "
        f"them has a touch in the {lookback_days:g} days before it.",
    )


def _before(times: pa.ChunkedArray) -> int:
    """How many times lie before the web began; all of them where that is how the data are."""
    if not pa.types.is_timestamp(times.type):
        return 0
    early = pc.less(times.cast(pa.timestamp("us")).cast(pa.date32(), safe=False), pa.scalar(EARLIEST))
    many = int(pc.sum(early).as_py() or 0)
    return many if many < len(times) else 0


def _shown(time: pa.Scalar) -> str:
    return str(time.as_py())[:16]


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
