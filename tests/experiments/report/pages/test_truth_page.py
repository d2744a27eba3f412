"""The page of a truth: the cheapest channel first, what caused nothing is ∞, further tables with a sentence each."""

import pandas as pd

from experiments.report.pages.truth_page import MOST_ROWS, render_truth


def test_the_first_screen_holds_what_a_reader_takes_home(truth):
    page = render_truth(truth, "A <shop>", "EUR")
    assert "A &lt;shop&gt;: what the ads really caused" in page
    first = page[: page.index("<section")]
    assert f"of {truth.action.counted(truth.conversions)} would have come just the same" in first
    assert truth.summary().split(".")[0] in first


def test_channels_stand_by_what_an_extra_order_costs_and_nothing_caused_is_unbounded(truth):
    page = render_truth(truth, "A shop", "EUR")
    drawn = page[page.index('class="wide"') : page.index('class="narrow"')]
    assert drawn.index("Shopping") < drawn.index("Video") < drawn.index("Brand search")
    assert "∞: no extra" in drawn
    assert "marginal bid" in page


def test_a_large_further_table_is_cut_and_says_so(truth):
    further = {"curves": pd.DataFrame({"channel": ["social_ads"] * 1_000, "dose": range(1_000)})}
    page = render_truth(truth, "A shop", "EUR", further)
    assert "Response curves" in page
    assert f"The first {MOST_ROWS} of 1,000 rows." in page
    assert page.count("social ads") == MOST_ROWS
    assert "<script" not in page
