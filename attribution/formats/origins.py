"""Channels of rows that have a source, a medium, a campaign or a click ID, each combination decided once."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attribution.formats.column_names import ORIGIN
from attribution.paths.ragged import Bools
from cpalab.ga4_channels import default_channel_group, origin_of

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
