"""A lift test as a page: yes, no or cannot tell; a picture with its table; no script, nothing loaded; names are text."""

import math

import pandas as pd
import pytest

from experiments.lift import user_table_test
from experiments.report.pages.lift_page import found_in_words, render_lift


def row(value: float, low: float, high: float) -> dict[str, float]:
    return {"level": 0.95, "lift": value, "lift_lower": low, "lift_upper": high}


def test_the_headline_says_what_the_interval_allows():
    assert found_in_words(row(5, 1, 9), "lift").startswith("Yes, more than without: 5 lift (95% interval 1 to 9)")
    assert found_in_words(row(-5, -9, -1), "lift").startswith("Yes, fewer than without: −5")
    assert found_in_words(row(5, -1, 11), "lift").startswith("Cannot tell: no effect lies within")
    assert found_in_words(row(5, 0, 11), "lift").startswith("Cannot tell")
    assert found_in_words(row(5, math.nan, math.nan), "lift", "social_ads").startswith(
        "Social ads: Cannot tell: the test gives"
    )
    assert "∞" in found_in_words(row(5, -math.inf, math.inf), "lift")


@pytest.fixture(scope="module")
def totals():
    return user_table_test(
        pd.DataFrame(
            {"arm": ["treated", "control"], "users": [9_000, 1_000], "conversions": [120, 9], "cost": [500.0, 0.0]}
        )
    )


def test_a_page_is_one_small_file_without_a_script(totals):
    page = render_lift(totals.to_frame(), totals.summary())
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "<svg" in page
    assert len(page.encode()) < 1_500_000
    assert page == render_lift(totals.to_frame(), totals.summary())
    assert page.count('<th scope="row">treated users</th>') == 1
    assert " nan" not in page


def test_several_arms_are_told_apart_and_their_names_are_text():
    frame = pd.DataFrame([{"arm": "<b>search</b>"} | row(5, 1, 9), {"arm": "social_ads"} | row(2, -3, 7)])
    page = render_lift(frame, "Two arms.")
    assert "<b>search</b>" not in page
    assert "Social ads: Cannot tell" in page
    assert "social ads, 95% interval" in page


def test_an_interval_without_an_end_has_no_picture_and_is_no_error():
    page = render_lift(pd.DataFrame([row(5, -math.inf, math.inf)]), "Nothing is known.")
    assert "<svg" not in page
    assert "∞" in page
