"""The nested cells of GA4 events as flat columns of text, from Parquet structs or from JSON text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.addresses import TEXT, clicked_in, named_or_in_page, other_site, said
from attribution.paths.ragged import row_of
from cpalab.ga4_channels import CLICK_IDS
from cpalab.tables.input_table import Loaded

NO_ORDER = ("0", "0.0", "unknown", "(unknown)", "false")  # what shops send where an order has no id yet
FIELDS = {
    "event_params": (
        *CLICK_IDS, "ga_session_id", "page_location", "page_referrer", "ignore_referrer", "source", "medium", "campaign",
        "transaction_id", "value", "currency",
    ),
    "collected_traffic_source": (*CLICK_IDS, "manual_source", "manual_medium", "manual_campaign_name"),
    "ecommerce": ("transaction_id", "purchase_revenue"),
    "device": ("category",),
    "geo": ("country",),
}  # fmt: skip
VALUES = ("string_value", "int_value", "float_value", "double_value")


def flat_events(loaded: Loaded) -> Loaded:
    """The events with flat columns; what an event does not have is empty.

    They are `event_timestamp, event_name, user_pseudo_id, session, source, medium, campaign, click_id, page, referrer,
    order_id, value, currency, device, country`. The address of the page (`utm_source` …) names the origin of an event of
    which nothing else does; `referrer` is the host of another site that linked to the page.
    """
    table = loaded.table
    rows = len(table)
    parsed = {name: _parsed(table, name) for name in FIELDS}

    def first(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.coalesce(*columns) if rows else columns[0]

    def inner(column: str, field: str) -> pa.ChunkedArray:
        return said(_inner(table, parsed[column], column, field))

    def param(key: str) -> pa.ChunkedArray:
        return said(first(_param(table, parsed["event_params"], key), _top(table, key)))

    collected = "collected_traffic_source"
    ids = {name: pc.is_valid(first(inner(collected, name), param(name))) for name in CLICK_IDS}
    clicked = [pc.if_else(held, name, pa.scalar(None, TEXT)) for name, held in ids.items()]
    page = param("page_location")
    named = {
        part: first(inner(collected, f"manual_{field}"), said(_top(table, f"manual_{field}")), param(part))
        for part, field in (("source", "source"), ("medium", "medium"), ("campaign", "campaign_name"))
    }
    named = named_or_in_page(named, page)
    order = first(inner("ecommerce", "transaction_id"), param("transaction_id"))
    no_order = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(order)), value_set=pa.array(NO_ORDER, TEXT))
    in_usd = pc.and_(
        pc.is_null(inner("ecommerce", "purchase_revenue")), pc.is_valid(said(_top(table, "event_value_in_usd")))
    )
    flat = {
        "event_timestamp": table["event_timestamp"],
        "event_name": table["event_name"],
        "user_pseudo_id": table["user_pseudo_id"],
        "session": param("ga_session_id"),
        **named,
        "click_id": first(*clicked, clicked_in(page)),
        "page": page,
        "referrer": other_site(param("page_referrer"), page, param("ignore_referrer")),
        "order_id": pc.if_else(no_order, pa.scalar(None, TEXT), order),
        "value": first(
            inner("ecommerce", "purchase_revenue"),
            _top(table, "purchase_revenue"),
            _top(table, "event_value_in_usd"),
            param("value"),
        ),
        "currency": pc.if_else(in_usd, pa.scalar("USD", TEXT), pc.utf8_upper(param("currency"))),
        "device": inner("device", "category"),
        "country": inner("geo", "country"),
    }
    return replace(loaded, table=pa.table(flat))


def _top(table: pa.Table, column: str) -> pa.ChunkedArray:
    if column not in table.column_names or pa.types.is_nested(table[column].type):
        return _nothing(len(table))
    return table[column].cast(TEXT)


def _parsed(table: pa.Table, column: str) -> dict[str, pa.ChunkedArray] | None:
    """The fields that are read of a column of JSON text, every cell parsed once; None where the column is none."""
    if column not in table.column_names or pa.types.is_nested(table[column].type):
        return None
    of = _params if column == "event_params" else _fields
    values: dict[str, list[Any]] = {field: [] for field in FIELDS[column]}
    for cell in table[column].to_pylist():
        fields = of(_json(cell))
        for field, every in values.items():
            every.append(fields.get(field))
    return {field: _texts(every) for field, every in values.items()}


def _fields(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _params(found: Any) -> dict[str, Any]:
    """The first value of every key, whichever of its four types it has."""
    params: dict[str, Any] = {}
    for item in found if isinstance(found, list) else ():
        if isinstance(item, dict) and isinstance(item.get("key"), str):
            value = _fields(item.get("value"))
            params.setdefault(item["key"], next((value[n] for n in VALUES if value.get(n) is not None), None))
    return params


def _json(cell: Any) -> Any:
    try:
        return json.loads(cell) if isinstance(cell, str) and cell else None
    except (json.JSONDecodeError, RecursionError):
        return None


def _inner(table: pa.Table, parsed: dict[str, pa.ChunkedArray] | None, column: str, field: str) -> pa.ChunkedArray:
    """One field of a nested column as text."""
    if parsed is not None:
        return parsed[field]
    if column not in table.column_names or not pa.types.is_struct(table[column].type):
        return _nothing(len(table))
    known = table[column].type.get_field_index(field) >= 0
    return pc.struct_field(table[column], field).cast(TEXT) if known else _nothing(len(table))


def _param(table: pa.Table, parsed: dict[str, pa.ChunkedArray] | None, key: str) -> pa.ChunkedArray:
    """The value of one event parameter as text, whichever of its four types it has."""
    if parsed is not None:
        return parsed[key]
    if "event_params" not in table.column_names or not _is_list(table["event_params"].type):
        return _nothing(len(table))
    cells = table["event_params"]
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


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _texts(values: list[Any]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([None if v is None else str(v) for v in values], TEXT)])


def _nothing(rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(rows, TEXT)])
