"""What a scenario counts, as a noun."""

import pytest

from experiments.truth.conversion_noun import ORDER, ConversionNoun
from simulator.scenario.loading import load_scenario


@pytest.mark.parametrize(
    ("preset", "one"), [("dtc-apparel", "purchase"), ("app-install", "install"), ("b2b-leads", "demo booking")]
)
def test_it_is_the_last_step_of_the_funnel(preset, one):
    assert ConversionNoun.of(load_scenario(preset)).one == one


@pytest.mark.parametrize(
    ("one", "many", "with_article"),
    [
        ("purchase", "purchases", "a purchase"),
        ("install", "installs", "an install"),
        ("enquiry", "enquiries", "an enquiry"),
        ("survey", "surveys", "a survey"),
        ("access", "accesses", "an access"),
    ],
)
def test_plural_and_article(one, many, with_article):
    assert (ConversionNoun(one).many, ConversionNoun(one).any) == (many, with_article)


def test_one_is_singular():
    assert [ORDER.counted(number) for number in (0, 1, 2_000)] == ["0 orders", "1 order", "2,000 orders"]
