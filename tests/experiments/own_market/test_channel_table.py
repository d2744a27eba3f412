"""The channel table: exports as they are, what is supposed said, and nonsense refused all at once."""

from pathlib import Path

import pytest

from cpalab.refusal import Refused
from experiments.own_market.channel_table import MarketTable, read_channels
from experiments.own_market.kinds import KINDS, kind_of

HEADER = "channel,cost,impressions,clicks,platform,analytics,crm\n"


def read(folder: Path, text: str, **options: float) -> MarketTable:
    path = folder / "channels.csv"
    path.write_text(text, encoding="utf-8")
    return read_channels(path, **options)


def test_paid_rows_are_channels_and_unpaid_ones_count_towards_all_orders(tmp_path: Path) -> None:
    table = read(tmp_path, f"{HEADER}Brand search,100,2000,500,40,30,35\ndirect,,,,,60,80\nOrganic,,,,,50,70\n")
    (row,) = table.rows
    assert (row.name, row.kind, row.orders) == ("brand_search", "brand_search", 35)
    assert table.orders == 35 + 80 + 70


def test_exports_of_google_and_meta_are_read_as_they_are(tmp_path: Path) -> None:
    google = read(tmp_path, "Campaign;Cost;Impr.;Clicks;Conversions\nNon-brand search;1.250,50;10.000;500;25\n")
    assert (google.rows[0].cost, google.rows[0].impressions, google.rows[0].platform) == (1250.5, 10_000, 25)
    assert google.rows[0].kind == "generic_search"
    meta = read(
        tmp_path,
        "Campaign name,Amount spent (EUR),Impressions,Link clicks,Results\nMeta prospecting,900,80000,900,30\n",
    )
    assert (meta.currency, meta.rows[0].clicks, meta.rows[0].platform) == ("EUR", 900, 30)


def test_without_unpaid_rows_all_orders_are_supposed_and_said_to_be(tmp_path: Path) -> None:
    table = read(tmp_path, f"{HEADER}Meta,100,20000,500,40,30,35\n")
    assert table.orders == pytest.approx(87.5)
    assert any("--orders" in note for note in table.notes)
    assert read(tmp_path, f"{HEADER}Meta,100,20000,500,40,30,35\n", orders=200).orders == 200


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Google brand", "brand_search"), ("google_nonbrand search", "generic_search"), ("PMax", "shopping"),
        ("facebook retargeting", "retargeting"), ("TikTok", "social"), ("CTV", "video"), ("Newsletter", "email"),
        ("coupons", "affiliate"), ("Taboola native", "display"), ("Zeppelin", "other"),
    ],
)  # fmt: skip
def test_names_tell_kinds(name: str, kind: str) -> None:
    assert kind_of(name) == kind
    low, middle, high = KINDS[kind].caused
    assert low < middle < high


def test_nonsense_is_refused_all_at_once(tmp_path: Path) -> None:
    first, *others = ["A,-5,100,10,1,1,1", "A,5,100,200,1,1,1", "B,5,100,10,many,1,1", "C,5,100,2,9,9,9", "D,5,,,,,"]
    rows = [f"{first},search,USD", *(f"{row},,EUR" for row in others), ""]
    with pytest.raises(Refused) as refused:
        read(tmp_path, HEADER.replace("\n", ",kind,currency\n") + "\n".join(rows))
    said = "\n".join(refused.value.lines)
    for word in (
        "'search'",
        "-5",
        "is the same as",
        "must not exceed the 100 impressions",
        "'many'",
        "by at least one system",
        "EUR, USD",
    ):
        assert word in said, said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channel,clicks,crm\nA,1,1\n", "column cost"),
        ("channel,cost\nA,1\n", "at least one of platform"),
        (HEADER, "no rows"),
        (f"{HEADER}direct,,,,,5,5\n", "no channel with cost"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(tmp_path, text)


def test_fewer_orders_than_the_channels_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="must be at least the 35"):
        read(tmp_path, f"{HEADER}Meta,100,20000,500,40,30,35\n", orders=20)
