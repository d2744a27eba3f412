"""Which table is which: touches, conversions, costs, or events of all kinds, by the columns of all files together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attribution.formats.column_names import (
    ACTION,
    CHANNEL,
    CONVERSION_TIME,
    COST,
    COST_CHANNEL,
    COST_MICROS,
    ORDER,
    ORIGIN,
    PAGE,
    TOUCH_TIME,
    USER,
    VALUE,
    columns_named,
)
from cpalab.tables.input_table import InputTable

Role = Literal["touches", "conversions", "costs"]


def roles_of(sources: Sequence[InputTable]) -> list[tuple[Role, ...]]:
    """Which tables the sources are; one that could be touches or conversions is what the others lack, or both."""
    found = [_could_be(source) for source in sources]
    single = {roles[0] for roles in found if len(roles) == 1}
    both = [k for k, roles in enumerate(found) if len(roles) == 2]
    if "touches" in single and "conversions" not in single:
        chosen: dict[int, tuple[Role, ...]] = dict.fromkeys(both, ("conversions",))
    elif "conversions" in single and "touches" not in single:
        chosen = dict.fromkeys(both, ("touches",))
    elif single >= {"touches", "conversions"}:
        chosen = {k: ("touches",) if columns_named(sources[k].columns, CHANNEL) else ("conversions",) for k in both}
    else:
        ordered = [k for k in both if columns_named(sources[k].columns, (*ORDER, *VALUE))]
        apart = 0 < len(ordered) < len(both)
        chosen = {
            k: (("conversions",) if k in ordered else ("touches",)) if apart else ("touches", "conversions")
            for k in both
        }
        if not single & {"touches", "conversions"}:
            plain = [k for k in both if not apart and not columns_named(sources[k].columns, ACTION)]
            chosen |= dict.fromkeys(plain, ("touches",))
    return [chosen.get(k, roles) for k, roles in enumerate(found)]


def role_of(source: InputTable) -> Role | None:
    """Which of the three tables a source is taken for by itself."""
    return next(iter(_could_be(source)), None)


def _could_be(source: InputTable) -> tuple[Role, ...]:
    names = source.columns
    person, channel = columns_named(names, USER), columns_named(names, CHANNEL)
    if person and columns_named(names, (*TOUCH_TIME, *CONVERSION_TIME)):
        if columns_named(names, ("cv_tstamp",)):
            return ("conversions",)
        paired = columns_named(names, ORIGIN["source"]) and (
            columns_named(names, ORIGIN["medium"]) or not columns_named(names, ("source",))
        )
        bought = bool(columns_named(names, (*ORDER, *VALUE, *ACTION, "value_micros")))
        came = bool(channel or paired)
        # An address says where a visit came from, or on which page an order was made.
        if (came and bought) or (not came and not bought and columns_named(names, PAGE)):
            return ("touches", "conversions")
        return ("touches",) if came else ("conversions",)
    costs = columns_named(names, (*COST, *COST_MICROS))
    return ("costs",) if costs and not person and columns_named(names, COST_CHANNEL) else ()


def misspelt_channel(source: InputTable) -> list[str]:
    """What to say of a table without a channel, one of whose columns is nearly called so."""
    import difflib

    near = [name for name in source.columns if difflib.get_close_matches(name.casefold(), CHANNEL[:3], n=1, cutoff=0.8)]
    return [f"{source.name}: column {name!r} is unknown; did you mean channel?" for name in near]
