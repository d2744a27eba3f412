"""What the addresses of pages and of referrers say of a visit's origin; texts in, texts out, null where nothing is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc

from cpalab.ga4_channels import ABSENT, AD_IN_URL, CLICK_ID_IN_URL, origin_of_referrer, registered_site

TEXT = pa.large_string()
HOST = r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?(?P<host>[^/:?#]+)"


def each_word(texts: pa.ChunkedArray, of: Callable[[str], str | None]) -> pa.ChunkedArray:
    """What a function makes of every text, each distinct one asked once; null stays null."""
    words = pc.unique(texts).drop_null()
    made = pa.array([of(word) for word in words.to_pylist()], TEXT)
    return pa.chunked_array([made.take(pc.index_in(texts, value_set=words).combine_chunks())], TEXT)


def all_null(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether every one of the columns is null, by row."""
    silent = pc.is_null(columns[0])
    for column in columns[1:]:
        silent = pc.and_(silent, pc.is_null(column))
    return silent


def said(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts that say something; (not set), (none) and the like are null."""
    absent = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), value_set=pa.array(sorted(ABSENT), TEXT))
    return pc.if_else(absent, pa.scalar(None, TEXT), texts)


def clicked_in(page: pa.ChunkedArray) -> pa.ChunkedArray:
    """The name of the click ID in the address of a page; `gad_source`, which says less, where there is no other."""
    found = [pc.utf8_lower(_part(page, pattern, "name")) for pattern in (CLICK_ID_IN_URL, AD_IN_URL)]
    return pc.coalesce(*found) if len(page) else found[0]


def utm_word(page: pa.ChunkedArray, part: str) -> pa.ChunkedArray:
    """What the address of a page says in `utm_source`, `utm_medium` or `utm_campaign`."""
    return said(each_word(_part(page, rf"(?i)[?&#;]utm_{part}=(?P<word>[^&#;\s]+)", "word"), unquote_plus))


def named_or_in_page(words: Mapping[str, pa.ChunkedArray], page: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    """Source, medium and campaign; of a row that names none of them, what the address of its page says."""
    silent = all_null(*words.values())
    if not pc.any(silent).as_py():
        return dict(words)
    return {part: pc.if_else(silent, utm_word(page, part), texts) for part, texts in words.items()}


def other_site(referrer: pa.ChunkedArray, page: pa.ChunkedArray, ignored: pa.ChunkedArray | None) -> pa.ChunkedArray:
    """The host of each referrer that is of another site than the page; null too where `ignored` is "true"."""
    hosts = pa.table({"from": _part(referrer, HOST, "host"), "to": _part(page, HOST, "host")})
    own = [
        pair
        for pair in hosts.group_by(["from", "to"]).aggregate([]).to_pylist()
        if pair["from"] and pair["to"] and registered_site(pair["from"]) == registered_site(pair["to"])
    ]
    pairs = pa.array([f"{pair['from']} {pair['to']}" for pair in own], TEXT)
    within = pc.is_in(pc.binary_join_element_wise(hosts["from"], hosts["to"], pa.scalar(" ", TEXT)), value_set=pairs)
    if ignored is not None:
        within = pc.or_(within, pc.equal(ignored, "true").fill_null(False))
    return pc.if_else(within, pa.scalar(None, TEXT), hosts["from"])


def linked_from(host: pa.ChunkedArray, part: str) -> pa.ChunkedArray:
    """The `source` or the `medium` of visits that a link on these hosts brought (`origin_of_referrer`)."""
    place = ("source", "medium").index(part)
    return each_word(host, lambda name: origin_of_referrer(name)[place])


def _part(texts: pa.ChunkedArray, pattern: str, name: str) -> pa.ChunkedArray:
    """What a named group of a pattern finds in each text; null where it finds nothing."""
    return pc.struct_field(pc.extract_regex(texts, pattern), name).cast(TEXT)
