"""The page of designs: each reading beside its truth, whether its interval holds it, and what has no reading says so."""

from dataclasses import replace

from experiments.report.pages.designs_page import render_designs


def test_each_reading_is_held_against_its_truth(side_by_side):
    page = render_designs(side_by_side)
    assert "A &lt;shop&gt;: which lift test finds the truth" in page
    drawn = page[page.index('class="wide"') : page.index('class="narrow"')]
    for text in ("Ghost ads", "holds the truth", "Naive", "misses the truth", "Geo lift", "no reading"):
        assert text in drawn
    assert "1 of 2 intervals hold the truth." in page
    assert "<script" not in page
    assert "nan" not in page


def test_over_seeds_the_page_says_what_designs_are_worth(side_by_side):
    again = tuple(replace(result, seed=2) for result in side_by_side.results)
    page = render_designs(replace(side_by_side, results=side_by_side.results + again))
    assert "Video: what the designs are worth" in page
    assert "2 of 2 hold the truth" in page
    assert "Video, in the first world" in page
