"""The table, as text."""

import re
from dataclasses import replace

import pytest

from experiments.comparison.five_cpas import ChannelCpas, FiveCpas
from experiments.report.table import (
    cpa_columns,
    delivery_columns,
    geo_test_columns,
    sharpness_columns,
    system_columns,
)


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-").rstrip("%"))


def cells_of(table):
    columns = [column for group in table.groups for column in group.columns]
    return {row.name: dict(zip(columns, row.cells, strict=True)) for row in table.rows}


def test_a_lift_test_says_how_wide_it_is_and_what_would_narrow_it(comparison):
    table = cells_of(sharpness_columns(comparison))
    assert list(table) == ["Brand search", "Retargeting", "Video", "Coupon"], (
        "those that were tested, as in the other tables"
    )
    video, lift = table["Video"], next(c.lift for c in comparison.channels if c.channel == "video")
    lower, upper = lift.incremental_conversions.interval(0.95)
    assert number(video["Extra orders"]) == (1_100 - 90 * 9)
    assert number(video["Its width"]) == round(upper - lower)
    assert video["Held out"] == "10%"
    assert re.fullmatch(
        r"cannot be halved by holding out more people; [45]\d% held out narrows it by \d+%", video["To halve the width"]
    )
    assert number(video["True extra orders"]) == 200


def test_a_geo_test_stands_beside_its_truth_and_one_that_cannot_be_read_has_the_truth_alone(comparison):
    table = cells_of(geo_test_columns(comparison))
    dark, unread = table["Video go dark"], table["Video heavy up"]
    assert (dark["Kind"], dark["Geos"], table["Video on off"]["Geos"]) == ("go dark", "2 of 6", "all")
    assert (dark["Extra orders"], dark["95% interval"].replace("\N{NO-BREAK SPACE}", " ")) == ("−49", "−93 to −5")
    assert (dark["p-value"], dark["Extra cost"]) == ("0.031", "−280.00")
    assert number(dark["Cost per order"]) == pytest.approx(280 / 49, abs=0.005)
    assert number(dark["True cost per order"]) == 280 / 40
    assert (unread["Extra orders"], unread["p-value"], unread["True extra orders"]) == ("–", "–", "−40")


@pytest.fixture
def lines(comparison):
    table = cpa_columns(comparison)
    names = [f"{group.heading} {column}".strip() for group in table.groups for column in group.columns]
    return {row.name: dict(zip(names, row.cells, strict=True)) for row in table.rows}


def test_rows_are_paid_channels_then_free_ones_then_no_touch_then_all(lines):
    assert list(lines) == [
        "Brand search", "Retargeting", "Shopping", "Video", "Coupon", "All paid channels", "Direct", "Organic search",
        "No touch", "All orders",
    ]  # fmt: skip


@pytest.mark.parametrize("model", ["Last click", "Linear", "Markov"])
def test_orders_add_up_to_those_that_happened(lines, comparison, model):
    orders = {name: number(line[f"{model} Orders"]) for name, line in lines.items()}
    *paid, together, direct, organic, untouched, total = orders.values()
    assert sum(paid) == pytest.approx(together)
    assert together + direct + organic + untouched == pytest.approx(total) == comparison.conversions


def test_identities_of_the_field(lines, comparison):
    video = lines["Video"]
    assert number(video["Last click CPA"]) == 4_000 / 40
    assert number(video["Truth CPA"]) == 4_000 / 200
    bought = {row.name: row.cells for row in delivery_columns(comparison).rows}
    cost, impressions, clicks, cpm, ctr, cpc = map(number, bought["Video"])
    assert (cost, impressions, clicks) == (4_000, 100_000, 1_000)
    assert (cpm, ctr, cpc) == (1000 * 4_000 / 100_000, 100 * 1_000 / 100_000, 4_000 / 1_000)
    assert list(bought)[-1] == "All paid channels"
    assert [number(text) for text in bought["All paid channels"][:3]] == [7_900, 500_000, 5_000]


def test_five_cpas_are_those_of_the_systems():
    shares = {"platform": 20.0, "analytics": 0.0, "crm": 8.0, "crm_qualified": 2.0, "crm_closed": 2.0, "crm_kept": 2.0}
    own = ChannelCpas("social", 100.0, 100.0, shares | {"oracle": 10.0, "incremental": 0.0})
    table = system_columns(FiveCpas((own, replace(own, channel="all")), 30, 20.0, "last_click"))
    headings = [column for group in table.groups for column in group.columns]
    assert headings == ["Platform", "Analytics", "CRM", "CRM qualified", "Oracle", "Incremental"]
    assert table.rows[0].cells == ("5.00", "–", "12.50", "50.00", "10.00", "∞")
    assert [row.name for row in table.rows] == ["Social", "All paid channels"]


def test_all_paid_channels_divide_all_cost_by_what_is_credited_to_them_and_by_what_they_caused_together(lines):
    together = lines["All paid channels"]
    assert together["Last click CPA"] == "16.46"  # 7,900 / 480, the page's own headline
    assert (together["Truth Extra orders"], together["Truth CPA"]) == ("380", "20.79")  # 7,900 / 380
    assert {text for name, text in lines["All orders"].items() if not name.endswith(" Orders")} == {"–"}


def test_undefined_and_unbounded(lines):
    assert lines["Brand search"]["Truth CPA"] == "∞"
    assert lines["Brand search"]["Lift test 95% interval"].endswith("∞")
    assert lines["Coupon"]["Last click CPA"] == "–"
    assert lines["Coupon"]["Truth Extra orders"] == "−2"
    assert lines["Coupon"]["Truth CPA"] == "–"
    assert lines["Shopping"]["Lift test CPA"] == "–"
    assert lines["Direct"]["Last click CPA"] == "–"
    assert lines["Direct"]["Cost"] == "–"


def test_columns_of_a_group_read_as_one_on_a_terminal(comparison):
    table = cpa_columns(comparison)
    cells = {row.name: table.joined_cells(row) for row in table.rows}
    assert [group.joined_heading for group in table.groups if group.joined][-2:] == [
        "Lift test (95% interval)",
        "Truth",
    ]
    assert cells["Video"][1] == "40 at 100.00"
    assert cells["Shopping"][-2] == "–"
    assert cells["All orders"][1] == cells["All orders"][1].split(" at ")[0]
