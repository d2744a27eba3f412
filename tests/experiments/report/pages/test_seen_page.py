"""What was seen after a rollout: before and after, bands, points seen, rows outside first, nothing from the network."""

import json
import math
import re

import pytest

from experiments.report.pages.seen_page import render_seen
from experiments.rollout.change_file import Plan
from experiments.rollout.contract import ContractRow
from experiments.rollout.observed_file import Observation, Observations
from experiments.rollout.rollout import CpaShift, Rollout


def shift(channel: str, system: str, factor: float) -> CpaShift:
    bands = tuple(
        ContractRow(channel, system, metric, factor, factor / 1.3, factor * 1.3, 0.001, 1.0, 1.0, 0.0, 400.0, 400.0)
        for metric in ("cpa", "roas")
    )
    return CpaShift(
        channel, system, 20.0, 20.0 * factor, 2.0, 2.0 / factor, factor / 1.1, factor * 1.1, factor / 1.3, factor * 1.3, 9.0,
        {}, bands,
    )  # fmt: skip


@pytest.fixture
def found() -> Rollout:
    systems = ("platform", "analytics", "crm")
    factors = {"platform": 0.7, "analytics": 1.0, "crm": 1.0}
    shifts = [shift(channel, system, factors[system]) for channel in ("brand_search", "all") for system in systems]
    return Rollout(Plan("Server <events>", ()), tuple(shifts), {}, None, 30.0, 0.2, 1_000_000)


SEEN = Observations(
    (
        Observation("brand_search", "platform", 20.0, 14.0),
        Observation("brand_search", "analytics", 20.0, 60.0),
        Observation("all", "crm", 20.0, math.nan, emptied=True),
    )
)


def chart_rows(page: str) -> list[dict[str, object]]:
    specification = re.search(r'id="bands-specification">(.*?)</script>', page, re.DOTALL)
    assert specification
    return next(iter(json.loads(specification[1])["datasets"].values()))


def test_rows_outside_stand_first_the_farthest_out_at_the_top(found: Rollout) -> None:
    page = render_seen(found, SEEN)
    names = re.findall(r'<th scope="row">(.*?)</th>', page)
    assert names[:3] == ["All paid channels · CRM", "Brand search · analytics", "Brand search · platform"]
    assert [row["verdict"] for row in chart_rows(page)[:3]] == ["outside", "outside", "within"]
    assert "brand_search · analytics: seen × 3.00, expected × 1.00" in page
    assert "Outside: 2 of 3 figures" in page


def test_before_and_after_stand_beside_the_band_and_what_was_seen(found: Rollout) -> None:
    page = render_seen(found, SEEN)
    (row,) = re.findall(r"Brand search · platform</th>(.*?)</tr>", page, re.DOTALL)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert [cells[i] for i in (0, 1, 2, 4, 5, 6, 7)] == ["20.00", "14.00", "0.70", "20.00", "14.00", "0.70", "within"]


def test_without_anything_seen_there_are_bands_alone(found: Rollout) -> None:
    page = render_seen(found)
    assert all(row["seen"] is None for row in chart_rows(page))
    assert "verdict</th>" not in page
    assert len(chart_rows(page)) == 6


def test_names_are_text_and_nothing_is_loaded(found: Rollout) -> None:
    page = render_seen(found, SEEN)
    assert "Server &lt;events&gt;" in page
    assert "Server <events>" not in page
    assert not re.search(r'(src|href)="https?:', page)
