"""The nested cells of GA4 events as flat columns of text, from Parquet structs or from JSON text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.paths.ragged import row_of
from cpalab.ga4_channels import ABSENT, AD_IN_URL, CLICK_ID_IN_URL, CLICK_IDS, registered_site
from cpalab.tables.input_table import Loaded

TEXT = pa.large_string()
HOST = r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?(?P<host>[^/:?#]+)"
NO_ORDER = ("0", "0.0", "unknown", "(unknown)", "false")  # what shops send where an order has no id yet
VALUES = ("string_value", "int_value", "float_value", "double_value")


def flat_events(loaded: Loaded) -> Loaded:
    """The events with flat columns; what an event does not have is empty.

    They are `event_timestamp, event_name, user_pseudo_id, session, source, medium, campaign, click_id, page, referrer,
    order_id, value, currency, device, country`. The address of the page (`utm_source` …) names the origin of an event of
    which nothing else does; `referrer` is the host of another site that linked to the page.
    """
    table = loaded.table
    rows = len(table)

    def first(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.coalesce(*columns) if rows else columns[0]

    def inner(column: str, field: str) -> pa.ChunkedArray:
        return _said(_inner(table, column, field))

    def param(key: str) -> pa.ChunkedArray:
        return _said(pc.coalesce(_param(table, key), _top(table, key)) if rows else _nothing(0))

    collected = "collected_traffic_source"
    ids = {name: pc.is_valid(first(inner(collected, name), param(name))) for name in CLICK_IDS}
    clicked = [pc.if_else(held, name, pa.scalar(None, TEXT)) for name, held in ids.items()]
    page = param("page_location")
    in_url = [pc.utf8_lower(url_part(page, pattern, "name")) for pattern in (CLICK_ID_IN_URL, AD_IN_URL)]
    named = {
        part: first(inner(collected, f"manual_{field}"), _said(_top(table, f"manual_{field}")), param(part))
        for part, field in (("source", "source"), ("medium", "medium"), ("campaign", "campaign_name"))
    }
    silent = pc.and_(
        pc.and_(*(pc.is_null(named[part]) for part in ("source", "medium"))), pc.is_null(named["campaign"])
    )
    named = {part: pc.if_else(silent, utm_word(page, part), texts) for part, texts in named.items()}
    order = first(inner("ecommerce", "transaction_id"), param("transaction_id"))
    no_order = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(order)), value_set=pa.array(NO_ORDER, TEXT))
    in_usd = pc.and_(
        pc.is_null(inner("ecommerce", "purchase_revenue")), pc.is_valid(_said(_top(table, "event_value_in_usd")))
    )
    flat = {
        "event_timestamp": table["event_timestamp"],
        "event_name": table["event_name"],
        "user_pseudo_id": table["user_pseudo_id"],
        "session": param("ga_session_id"),
        **named,
        "click_id": first(*clicked, *in_url),
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


def _said(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts that say something; (not set), (none) and the like are null."""
    absent = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), value_set=pa.array(sorted(ABSENT), TEXT))
    return pc.if_else(absent, pa.scalar(None, TEXT), texts)


def url_part(texts: pa.ChunkedArray, pattern: str, name: str) -> pa.ChunkedArray:
    """What a named group of a pattern finds in each text; null where it finds nothing."""
    return pc.struct_field(pc.extract_regex(texts, pattern), name).cast(TEXT)


def utm_word(page: pa.ChunkedArray, part: str) -> pa.ChunkedArray:
    """What the address of a page says in `utm_source`, `utm_medium` or `utm_campaign`."""
    coded = url_part(page, rf"(?i)[?&#;]utm_{part}=(?P<word>[^&#;\s]+)", "word")
    words = pc.unique(coded).drop_null()
    plain = pa.array([unquote_plus(word) for word in words.to_pylist()], TEXT)
    return _said(pa.chunked_array([plain.take(pc.index_in(coded, value_set=words).combine_chunks())]))


def other_site(referrer: pa.ChunkedArray, page: pa.ChunkedArray, ignored: pa.ChunkedArray) -> pa.ChunkedArray:
    """The host of each referrer that is of another site than the page."""
    hosts = pa.table({"from": url_part(referrer, HOST, "host"), "to": url_part(page, HOST, "host")})
    own = {
        (pair["from"], pair["to"])
        for pair in hosts.group_by(["from", "to"]).aggregate([]).to_pylist()
        if pair["from"] and pair["to"] and registered_site(pair["from"]) == registered_site(pair["to"])
    }
    pairs = zip(hosts["from"].to_pylist(), hosts["to"].to_pylist(), ignored.to_pylist(), strict=True)
    return _texts([None if skip == "true" or (start, to) in own else start for start, to, skip in pairs])


def _top(table: pa.Table, column: str) -> pa.ChunkedArray:
    if column not in table.column_names or pa.types.is_nested(table[column].type):
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
    except (json.JSONDecodeError, RecursionError):
        return None


def _texts(values: list[Any]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([None if v is None else str(v) for v in values], TEXT)])


def _nothing(rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(rows, TEXT)])
