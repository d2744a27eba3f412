"""Channels of rows that have a source, a medium, a campaign or a click ID, each combination decided once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.formats.column_names import ORIGIN, PAGE, REFERRER, columns_named
from attribution.formats.ga4_cells import other_site, url_part, utm_word
from attribution.paths.ragged import Bools
from cpalab.ga4_channels import CLICK_ID_IN_URL, default_channel_group, origin_of, origin_of_referrer
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


def with_origins_of_urls(sieve: CheckedColumns, rest: Sequence[str]) -> tuple[str, ...]:
    """The names of columns of origin that the addresses of pages and referrers give, added to the table; none without them.

    What the address says (`utm_source` …, a click ID) comes first, then another site that linked to the page. A page to which
    one of the same site linked, and whose address says nothing, lies within a visit and is left out.
    """
    pages, referrers = columns_named(rest, PAGE), columns_named(rest, REFERRER)
    if not pages:
        return ()
    nothing = pa.chunked_array([pa.nulls(len(sieve), pa.large_string())])
    page = sieve.text(pages[0], empty_is=None)
    referrer = sieve.text(referrers[0], empty_is=None) if referrers else nothing
    site = other_site(referrer, page, nothing)
    words = {part: utm_word(page, part) for part in ORIGIN}
    clicked = pc.utf8_lower(url_part(page, CLICK_ID_IN_URL, "name"))
    silent = pc.is_null(clicked)
    for texts in words.values():
        silent = pc.and_(silent, pc.is_null(texts))
    within = pc.and_(silent, pc.and_(pc.is_valid(referrer), pc.is_null(site)))
    hosts = pc.unique(site).drop_null()
    place = pc.index_in(site, value_set=hosts).combine_chunks()
    named = zip(*map(origin_of_referrer, hosts.to_pylist()), strict=True) if len(hosts) else ()
    for part, by_link in zip(("source", "medium"), named, strict=False):
        words[part] = pc.if_else(silent, pa.array(list(by_link), pa.large_string()).take(place), words[part])
    table = sieve.loaded.table
    added = {f"utm_{part}": texts for part, texts in words.items()}
    added |= {
        name: pc.if_else(pc.equal(clicked, name), name, None) for name in pc.unique(clicked).drop_null().to_pylist()
    }
    added = {name: texts for name, texts in added.items() if name not in table.column_names}
    for name, texts in added.items():
        table = table.append_column(name, texts.cast(pa.large_string()))
    sieve.loaded = replace(sieve.loaded, table=table)
    sieve.leave_out(within.fill_null(False).to_numpy(), "pages within a visit")
    return tuple(added)
