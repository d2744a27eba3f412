"""The nested cells of GA4 events as flat columns of text, from Parquet structs or from JSON text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.paths.ragged import row_of
from cpalab.ga4_channels import ABSENT, CLICK_ID_IN_URL, CLICK_IDS
from cpalab.tables.input_table import Loaded

TEXT = pa.large_string()
VALUES = ("string_value", "int_value", "float_value", "double_value")


def flat_events(loaded: Loaded) -> Loaded:
    """The events with flat columns; what an event does not have is empty.

    They are `event_timestamp, event_name, user_pseudo_id, session, source, medium, campaign, click_id, order_id, value,
    currency, device, country`.
    """
    table = loaded.table
    rows = len(table)

    def first(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.coalesce(*columns) if rows else columns[0]

    def inner(column: str, field: str) -> pa.ChunkedArray:
        return _said(_inner(table, column, field))

    def param(key: str) -> pa.ChunkedArray:
        return _said(_param(table, key))

    collected = "collected_traffic_source"
    ids = {name: pc.is_valid(first(inner(collected, name), param(name))) for name in CLICK_IDS}
    clicked = [pc.if_else(held, name, pa.scalar(None, TEXT)) for name, held in ids.items()]
    in_url = pc.struct_field(pc.extract_regex(param("page_location"), CLICK_ID_IN_URL), "name")
    in_usd = pc.and_(
        pc.is_null(inner("ecommerce", "purchase_revenue")), pc.is_valid(_said(_top(table, "event_value_in_usd")))
    )
    flat = {
        "event_timestamp": table["event_timestamp"],
        "event_name": table["event_name"],
        "user_pseudo_id": table["user_pseudo_id"],
        "session": param("ga_session_id"),
        "source": first(inner(collected, "manual_source"), param("source")),
        "medium": first(inner(collected, "manual_medium"), param("medium")),
        "campaign": first(inner(collected, "manual_campaign_name"), param("campaign")),
        "click_id": first(*clicked, in_url.cast(TEXT)),
        "order_id": first(inner("ecommerce", "transaction_id"), param("transaction_id")),
        "value": first(inner("ecommerce", "purchase_revenue"), _top(table, "event_value_in_usd"), param("value")),
        "currency": pc.if_else(in_usd, pa.scalar("USD", TEXT), pc.utf8_upper(param("currency"))),
        "device": inner("device", "category"),
        "country": inner("geo", "country"),
    }
    return replace(loaded, table=pa.table(flat))


def _said(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts that say something; (not set), (none) and the like are null."""
    absent = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), value_set=pa.array(sorted(ABSENT), TEXT))
    return pc.if_else(absent, pa.scalar(None, TEXT), texts)


def _top(table: pa.Table, column: str) -> pa.ChunkedArray:
    if column not in table.column_names:
        return _nothing(len(table))
    return table[column].cast(TEXT)


def _inner(table: pa.Table, column: str, field: str) -> pa.ChunkedArray:
    """One field of a nested column as text."""
    if column not in table.column_names:
        return _nothing(len(table))
    cells = table[column]
    if pa.types.is_struct(cells.type):
        known = cells.type.get_field_index(field) >= 0
        return pc.struct_field(cells, field).cast(TEXT) if known else _nothing(len(table))
    return _texts([(_json(cell) or {}).get(field) for cell in cells.to_pylist()])


def _param(table: pa.Table, key: str) -> pa.ChunkedArray:
    """The value of one event parameter as text, whichever of its four types it has."""
    if "event_params" not in table.column_names:
        return _nothing(len(table))
    cells = table["event_params"]
    if not (pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type)):
        return _texts([_json_param(_json(cell), key) for cell in cells.to_pylist()])
    cells = cells.combine_chunks()
    cells = cells.chunk(0) if isinstance(cells, pa.ChunkedArray) else cells
    lengths = pc.fill_null(pc.list_value_length(cells), 0).to_numpy(zero_copy_only=False)
    params = pc.list_flatten(cells)
    chosen = pc.fill_null(pc.equal(pc.struct_field(params, "key"), key), False).to_numpy(zero_copy_only=False)
    value = pc.struct_field(params, "value").filter(pa.array(chosen))
    known = [name for name in VALUES if value.type.get_field_index(name) >= 0]
    text = pc.coalesce(*(pc.struct_field(value, name).cast(TEXT) for name in known))
    row = row_of(np.append(0, np.cumsum(lengths)))[chosen]
    place = np.full(len(table), -1, dtype=np.int64)
    place[row[::-1]] = np.arange(len(row))[::-1]  # the first of a parameter that is given twice
    return pa.chunked_array([text.take(pa.array(place, mask=place < 0))])


def _json_param(params: Any, key: str) -> Any:
    for item in params if isinstance(params, list) else ():
        if isinstance(item, dict) and item.get("key") == key:
            value = item.get("value") or {}
            return next((value[name] for name in VALUES if value.get(name) is not None), None)
    return None


def _json(cell: str | None) -> Any:
    try:
        return json.loads(cell) if cell else None
    except json.JSONDecodeError:
        return None


def _texts(values: list[Any]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([None if v is None else str(v) for v in values], TEXT)])


def _nothing(rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(rows, TEXT)])
