"""The page of a reconciliation: normal or a bug first, each cause's part with its range, and nothing left out."""

from experiments.own_market.reconcile import ClaimedFigures, reconcile
from experiments.own_market.reconcile_page import render_reconciliation


def test_the_page_of_two_channels():
    found = reconcile([ClaimedFigures("se<arch", 120, 90, 100), ClaimedFigures("social", 300, crm=30)])
    page = render_reconciliation(found)
    first = page[: page.index("<section")]
    assert "probability that something is broken" in first
    for verdict in found.verdicts:
        assert f"{verdict.word} (probability" in first
    assert "se&lt;arch: from the CRM to the ad platform" in page
    assert "se<arch" not in page
    assert "The ad platform counts 270 actions more than the CRM; the parts add up to that." in page
    assert found.ask.split(",")[0] in page
    assert "<script" not in page
    assert "nan" not in page
