"""What to say where people of conversions are not among those of touches, or one id stands for many people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
MOST_IDS = 2_000_000  # beyond these no table of spellings is kept
SAMPLE = 2_000
FEWEST = 20  # conversions of one id from which it may stand for many people


def people_notes(touches: pa.Table, conversions: pa.Table) -> tuple[str, ...]:
    """Sentences on ids that would meet if spelt alike or without an affix, that meet nowhere, or that stand for many."""
    return (*_unmet(touches, conversions), *_of_many(conversions))


def _unmet(touches: pa.Table, conversions: pa.Table) -> tuple[str, ...]:
    if pa.types.is_integer(touches["user_id"].type) and pa.types.is_integer(conversions["user_id"].type):
        return _nobody_met(len(pc.unique(conversions["user_id"])), touches, conversions)
    seen, bought = (pc.unique(table["user_id"].cast(TEXT)) for table in (touches, conversions))
    bought = bought.filter(pc.invert(pc.starts_with(bought, "\0")))
    lost = bought.filter(pc.invert(pc.is_in(bought, value_set=seen)))
    if not len(lost):
        return ()
    known = seen.to_pylist() if len(seen) < MOST_IDS else []
    by_plain = {_plain_id(name): name for name in known}
    pairs = [(name, by_plain[_plain_id(name)]) for name in lost.to_pylist() if _plain_id(name) in by_plain]
    if pairs:
        shown = "; ".join(f"{one!r} and {other!r}" for one, other in pairs[:3])
        why = sorted({word for pair in pairs[:1000] for word in _difference(*pair)})
        return (
            f"{len(pairs):,} of {len(bought):,} people have conversions and no touch, but would if ids were spelt alike "
            f"({', '.join(why)}): {shown}. Write them one way.",
        )
    if affix := _common_affix(lost.to_pylist()[:SAMPLE], known):
        ours, theirs, example = affix
        off = " and ".join(
            f"{text} (in {where})" for text, where in ((ours, "conversions"), (theirs, "touches")) if text
        )
        return (
            f"{len(lost):,} of {len(bought):,} people have conversions and no touch; without {off} ids such as {example} "
            "would meet. If they are one person, write them one way.",
        )
    return _nobody_met(len(bought), touches, conversions) if len(lost) == len(bought) else ()


def _common_affix(lost: list[str], known: list[str]) -> tuple[str, str, str] | None:
    """What stands before or behind the part that most lost ids share with known ones: of the lost, of the known, a pair."""
    homes: dict[str, str] = {}
    for name in known:
        for core in _cores(name):
            homes.setdefault(core, name)
    found: Counter[tuple[str, str]] = Counter()
    example: Mapping[tuple[str, str], str] = {}
    for name in lost:
        for core in _cores(name):
            home = homes.get(core)
            if home is not None and home != name:
                marks = _affix(name, core), _affix(home, core)
                found[marks] += 1
                example = {marks: f"{name!r} and {home!r}", **example}
                break
    if not found:
        return None
    marks, many = found.most_common(1)[0]
    if many < min(2, len(lost)) or many < 0.2 * len(lost):
        return None
    return marks[0], marks[1], example[marks]


def _cores(name: str) -> Iterator[str]:
    """The id, its part behind the last and before the first mark, and its number behind letters; single signs are none."""
    yield name
    parts = [part for part in re.split(r"[^0-9A-Za-z]+", name) if part]
    if len(parts) > 1:
        yield from {parts[-1], parts[0], name.split("@", maxsplit=1)[0]} - {name}
    number = re.fullmatch(r"[A-Za-z]+0*([1-9]\d+)", name)
    if number:
        yield number[1]


def _affix(name: str, core: str) -> str:
    before, _, behind = name.partition(core)
    return " and ".join(f"{text!r}" for text in (before, behind) if text)


def _nobody_met(buyers: int, touches: pa.Table, conversions: pa.Table) -> tuple[str, ...]:
    met = pc.any(
        pc.is_in(conversions["user_id"], value_set=pc.unique(touches["user_id"]).cast(conversions["user_id"].type))
    ).as_py()
    if met or not buyers or not len(touches):
        return ()
    ours, theirs = (str(table["user_id"][0].as_py()) for table in (conversions, touches))
    hashed = {len(word) for word in (ours, theirs)} & {32, 40, 64}
    why = "one of them is hashed" if hashed and len(ours) != len(theirs) else "they are ids of different systems"
    return (
        f"None of the {buyers:,} people with conversions is in any touch: {ours!r} here, {theirs!r} there; perhaps {why}.",
    )


def _of_many(conversions: pa.Table) -> tuple[str, ...]:
    """A sentence on an id with a twentieth of all conversions and ten times as many as any other has."""
    if len(conversions) < FEWEST:
        return ()
    counts = conversions["user_id"].value_counts()
    top = pc.select_k_unstable(counts.field("counts"), k=min(2, len(counts)), sort_keys=[("", "descending")])
    many, next_to = counts.field("counts")[top[0].as_py()].as_py(), 1
    if len(top) > 1:
        next_to = counts.field("counts")[top[1].as_py()].as_py()
    if len(counts) < 2 or many < max(FEWEST, len(conversions) / 20, 10 * next_to):
        return ()
    who = counts.field("values")[top[0].as_py()].as_py()
    return (
        f"{who!r} has {many:,} of {len(conversions):,} conversions, the next {next_to:,}: perhaps an id for everybody "
        "without one; leave it empty there.",
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
