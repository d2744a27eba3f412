"""The table, as text."""

import pytest

from experiments.report.table import cpa_columns


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-").rstrip("%"))


@pytest.fixture
def lines(comparison):
    table = cpa_columns(comparison)
    names = [f"{group.heading} {column}".strip() for group in table.groups for column in group.columns]
    return {row.name: dict(zip(names, row.cells, strict=True)) for row in table.rows}


def test_rows_are_paid_channels_then_free_ones_then_no_touch_then_all(lines):
    assert list(lines) == [
        "Brand search", "Retargeting", "Shopping", "Video", "Coupon", "Direct", "Organic search", "No touch", "All together",
    ]  # fmt: skip


@pytest.mark.parametrize("model", ["Last click", "Linear", "Markov"])
def test_orders_add_up_to_those_that_happened(lines, comparison, model):
    *parts, total = (number(line[f"{model} Orders"]) for line in lines.values())
    assert sum(parts) == pytest.approx(total) == comparison.conversions


def test_identities_of_the_field(lines):
    video = {
        name: number(text)
        for name, text in lines["Video"].items()
        if text not in "–∞" and " – " not in text.replace("\xa0", " ")
    }
    assert video["Delivery CPM"] == 1000 * 4_000 / 100_000
    assert video["Delivery CPC"] == 4_000 / 1_000
    assert video["Delivery CTR"] == 100 * 1_000 / 100_000
    assert video["Last click CPA"] == 4_000 / 40
    assert video["Truth CPA"] == 4_000 / 200


def test_the_last_row_is_the_truth_of_all_ads_together(lines):
    assert lines["All together"]["Truth Extra orders"] == "380"
    assert lines["All together"]["Truth CPA"] == "20.79"  # 7,900 / 380


def test_undefined_and_unbounded(lines):
    assert lines["Brand search"]["Truth CPA"] == "∞"
    assert lines["Brand search"]["Lift test 95% interval"].endswith("∞")
    assert lines["Coupon"]["Last click CPA"] == "–"
    assert lines["Coupon"]["Truth Extra orders"] == "−2"
    assert lines["Coupon"]["Truth CPA"] == "–"
    assert lines["Shopping"]["Lift test CPA"] == "–"
    assert lines["Direct"]["Last click CPA"] == "–"
    assert lines["Direct"]["Cost"] == "–"
