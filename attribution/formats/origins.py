"""Channels of rows that have a source, a medium, a campaign or a click ID, each combination decided once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.formats.addresses import (
    TEXT,
    all_null,
    clicked_in,
    linked_from,
    named_or_in_page,
    other_site,
    said,
    utm_word,
)
from attribution.formats.column_names import ORIGIN, PAGE, REFERRER, columns_named
from attribution.paths.ragged import Bools
from cpalab.ga4_channels import CLICK_IDS, default_channel_group, origin_of
from cpalab.tables.checked_columns import CheckedColumns

ChannelName = Literal["channel_group", "source_medium", "campaign"]


class Origins(NamedTuple):
    """Where rows came from: their channel, whether anything names it, and source, medium and campaign as decided."""

    channel: pa.ChunkedArray
    has_origin: Bools
    parts: dict[str, NDArray[Any]]


def channels_of(
    source: pa.ChunkedArray,
    medium: pa.ChunkedArray,
    campaign: pa.ChunkedArray,
    click_id: pa.ChunkedArray,
    named: ChannelName,
) -> Origins:
    """The channel of every (source, medium, campaign, click ID), each combination decided once."""
    rows = pa.table(
        {"source": source, "medium": medium, "campaign": campaign, "click_id": click_id, "row": np.arange(len(source))}
    )
    keys = ["source", "medium", "campaign", "click_id"]
    groups = rows.group_by(keys, use_threads=False).aggregate([("row", "list")])
    channel, has_origin = np.empty(len(source), dtype=object), np.zeros(len(source), dtype=np.bool_)
    parts = {name: np.full(len(source), None, dtype=object) for name in ORIGIN}
    for *given, members in zip(
        *(groups[name].to_pylist() for name in keys), groups["row_list"].to_pylist(), strict=True
    ):
        origin = origin_of(*given)
        channel[members] = channel_named(*origin, named)
        has_origin[members] = any(origin)
        for name, word in zip(parts, origin, strict=True):
            parts[name][members] = word or None
    return Origins(pa.chunked_array([pa.array(channel, pa.large_string())]), has_origin, parts)


def channel_named(source: str, medium: str, campaign: str, named: ChannelName) -> str:
    """What a channel is called: the default channel group, "source / medium", or the campaign; direct without any of them."""
    if not (source or medium or campaign):
        return "Direct" if named == "channel_group" else "direct"
    if named == "channel_group":
        return default_channel_group(source, medium, campaign)
    if named == "campaign":
        return campaign or "(not set)"
    return f"{source or '(not set)'} / {medium or '(not set)'}"


def click_ids(sieve: CheckedColumns, rest: Sequence[str]) -> pa.ChunkedArray:
    """The name of every row's click ID: of a column of click IDs, else in the address of its page; null without one."""
    clicked = _nothing(sieve)
    for name in CLICK_IDS:
        for column in columns_named(rest, (name,)):
            held = pc.is_valid(sieve.ids(column))
            clicked = pc.coalesce(clicked, pc.if_else(held, name, pa.scalar(None, TEXT)))
    return pc.coalesce(clicked, clicked_in(_page(sieve, rest)))


def origin_words(sieve: CheckedColumns, found: Mapping[str, str], rest: Sequence[str]) -> list[pa.ChunkedArray]:
    """Source, medium and campaign of every row: of their columns, or where these say nothing, of the address of its page."""
    words = {
        part: said(sieve.text(found[part], empty_is=None)) if part in found else _nothing(sieve) for part in ORIGIN
    }
    return list(named_or_in_page(words, _page(sieve, rest)).values())


def with_origins_of_urls(sieve: CheckedColumns, rest: Sequence[str]) -> tuple[str, ...]:
    """The names of columns of origin that the addresses of pages and referrers give, added to the table; none without them.

    What the address says (`utm_source` …, a click ID) comes first, then another site that linked to the page. A page to which
    one of the same site linked, and whose address says nothing, lies within a visit and is left out.
    """
    if not columns_named(rest, PAGE):
        return ()
    referrers = columns_named(rest, REFERRER)
    page = _page(sieve, rest)
    referrer = sieve.text(referrers[0], empty_is=None) if referrers else _nothing(sieve)
    site = other_site(referrer, page, None)
    campaigns = columns_named(rest, ORIGIN["campaign"])
    words = {part: utm_word(page, part) for part in ORIGIN if part != "campaign" or not campaigns}
    silent = all_null(click_ids(sieve, rest), *words.values())
    within = pc.and_(silent, pc.and_(pc.is_valid(referrer), pc.is_null(site)))
    words |= {part: pc.if_else(silent, linked_from(site, part), words[part]) for part in ("source", "medium")}
    table = sieve.loaded.table
    added = {f"utm_{part}": texts for part, texts in words.items()}
    for name, texts in added.items():
        table = table.append_column(name, texts)
    sieve.loaded = replace(sieve.loaded, table=table)
    sieve.leave_out(within.to_numpy(), "pages within a visit")
    return tuple(added)


def _page(sieve: CheckedColumns, rest: Sequence[str]) -> pa.ChunkedArray:
    """The address of each row's page; null without such a column of text."""
    pages = columns_named(rest, PAGE)
    return sieve.text(pages[0], empty_is=None) if pages else _nothing(sieve)


def _nothing(sieve: CheckedColumns) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(len(sieve), TEXT)])
