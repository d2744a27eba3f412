"""Sentences: what moved CPA and why, as a reader wants to be told (currency per action)."""

import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.comparison.explain.replays import INCREMENTAL
from experiments.comparison.verdict import system_in_words, words
from experiments.truth.effects import ALL

if TYPE_CHECKING:
    from experiments.comparison.explain.explain import Explanation, Kind, Shift

FEW_ACTIONS = 50
CENT = 0.005
KINDS: tuple[tuple["Kind", str], ...] = (("real", "Real"), ("record", "Only in the record"), ("time", "Other days"))


def sentences(found: "Explanation") -> list[str]:
    """The days compared, one sentence per system for all paid channels, the truth, the factors, and what it rests on."""
    first, last = found.days
    where = f"Days {first} to {last}"
    compared = (
        f"{where}, compared with the same days without the changes."
        if found.against is None
        else f"{where}, compared with days {found.against[0]} to {found.against[1]}."
    )
    lines = [compared]
    lines += [moved(found, shift) for shift in found.shifts if shift.channel == ALL]
    lines += [line for line in (factors(found), hidden(found), drawn(found), too_few(found)) if line]
    return lines


def moved(found: "Explanation", shift: "Shift") -> str:
    """How a CPA moved and what each cause did: `Reported CPA rose from 41.20 to 57.90. Nothing real changed: +9.10 …`."""
    what = "True incremental CPA" if shift.system == INCREMENTAL else f"Reported CPA ({system_in_words(shift.system)})"
    whose = "" if shift.channel == ALL else f" of {words(shift.channel).lower()}"
    if math.isnan(shift.moved):
        return (
            f"{what}{whose} cannot be compared: {_price(found, shift.before, shift.actions_before)} before, "
            f"{_price(found, shift.after, shift.actions_after)} after."
        )
    if abs(shift.moved) < CENT and not (np.abs(shift.parts) >= CENT).any():
        return f"{what}{whose} stayed at {shift.after:,.2f}."
    way = "stayed near" if abs(shift.moved) < CENT else "rose from" if shift.moved > 0 else "fell from"
    ends = f"{shift.before:,.2f} to {shift.after:,.2f}" if abs(shift.moved) >= CENT else f"{shift.after:,.2f}"
    return f"{what}{whose} {way} {ends}. {why(found, shift)}"


def why(found: "Explanation", shift: "Shift") -> str:
    """What each cause did, the real ones first."""
    if np.isnan(shift.parts).any():
        return "It cannot be shared out among the causes: with some of them alone there is no price."
    told = {kind: _listed(found, shift, kind) for kind, _ in KINDS}
    nothing = "Nothing real moved it" if any(cause.kind == "real" for cause in found.causes) else "Nothing real changed"
    if not told["real"]:
        said = [f"{nothing}: {told['record']}." if told["record"] else f"{nothing}."]
    elif not told["record"]:
        said = [f"All of it is real: {told['real']}." if not told["time"] else f"Real: {told['real']}."]
    else:
        said = [f"Real: {told['real']}.", f"Only in the record: {told['record']}."]
    return " ".join(said + ([f"Other days: {told['time']}."] if told["time"] else []))


def _listed(found: "Explanation", shift: "Shift", kind: "Kind") -> str:
    """`+9.10 the window, +7.60 consent`: the parts of one kind, the largest first; those below half a cent are left out."""
    own = [
        (part, error, cause.name)
        for cause, part, error in zip(found.causes, shift.parts, shift.errors, strict=True)
        if cause.kind == kind and abs(part) >= CENT
    ]
    own.sort(key=lambda entry: -abs(entry[0]))
    return ", ".join(f"{part:+,.2f}{f' (± {error:.2f})' if error > 0 else ''} {name}" for part, error, name in own)


def _price(found: "Explanation", price: float, actions: float) -> str:
    if math.isfinite(price):
        return f"{price:,.2f}"
    return f"no price ({actions:,.0f} {found.action.many})"


def factors(found: "Explanation") -> str:
    """CPA as cost per click over conversion rate, and what each factor did, in the platforms' eyes."""
    split = found.shift(ALL, "platform").split
    if split is None or not split.parts:
        return ""
    parts = ", ".join(f"{part:+z,.2f} {factor}" for factor, part in split.parts.items())
    return (
        f"Platform CPA = cost per click ÷ conversion rate: {split.cpc_before:,.3f} ÷ {split.cvr_before:.3%} before, "
        f"{split.cpc_after:,.3f} ÷ {split.cvr_after:.3%} after: {parts}."
    )


def hidden(found: "Explanation") -> str:
    """Where a mix hides what happened in every segment."""
    said = []
    for shift in found.shifts:
        if shift.split is not None and shift.split.hidden:
            whole = "rose" if shift.split.hidden == "fell" else "fell"
            where = "all paid channels" if shift.channel == ALL else words(shift.channel).lower()
            said.append(
                f"{system_in_words(shift.system)} CPA of {where} {whole}, although it {shift.split.hidden} in every "
                "segment: the mix moved."
            )
    return " ".join(said)


def drawn(found: "Explanation") -> str:
    """How sampled parts were drawn."""
    if not found.orders:
        return ""
    return (
        f"Parts are means over {found.orders} orders of making the changes (± one standard error); they add up exactly."
    )


def too_few(found: "Explanation") -> str:
    """Which figures rest on few actions."""
    few = [
        f"{system_in_words(shift.system)} ({min(shift.actions_before, shift.actions_after):,.0f})"
        for shift in found.shifts
        if shift.channel == ALL and 0 <= min(shift.actions_before, shift.actions_after) < FEW_ACTIONS
    ]
    if not few:
        return ""
    behind = f"Few {found.action.many} stand behind {', '.join(few)}"
    return f"{behind}: the same causes move another market's CPA by other amounts."
