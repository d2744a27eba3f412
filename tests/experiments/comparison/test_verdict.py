"""Verdicts: which channels are over-credited and which under-credited, in a sentence that holds."""

import math

import pytest

from experiments.comparison.verdict import FAIR_WITHIN, credited_per_caused, verdict, words
from experiments.truth.effects import Effect


def said(cost, credited, caused, channel="brand_search", model="last_click"):
    effect = Effect(channel, "average", round(cost * 1e6), caused, 0, 100)
    return verdict(channel, cost, credited, effect, model)


@pytest.mark.parametrize(
    ("cost", "credited", "caused", "sentence"),
    [
        (
            1_000.0,
            50.0,
            5,
            "Brand search is over-credited: last click says 20.00 per order, an extra order truly cost 200.00, "
            "10.0 times as much.",
        ),
        (
            1_000.0,
            5.0,
            50,
            "Brand search is under-credited: last click says 200.00 per order, an extra order truly cost 20.00, "
            "90% less.",
        ),
        (
            6_000.0,
            120.0,
            110,
            "Brand search is priced about right: last click says 50.00 per order, an extra order truly cost 54.55.",
        ),
        (
            1_000.0,
            50.0,
            0,
            "Brand search is over-credited: last click credits it with 50 orders at 20.00, but without it the same orders "
            "would have come.",
        ),
        (
            1_000.0,
            50.0,
            -3,
            "Brand search is over-credited: last click credits it with 50 orders at 20.00, but without it 3 more orders "
            "would have come.",
        ),
        (
            1_000.0,
            0.0,
            40,
            "Brand search is under-credited: last click credits it with no order, yet it caused 40 at 25.00 each.",
        ),
        (1_000.0, 0.0, 0, "Brand search cost 1,000, was credited with nothing and caused nothing."),
        (0.0, 9.0, 9, "Brand search cost nothing."),
    ],
)
def test_sentences(cost, credited, caused, sentence):
    assert said(cost, credited, caused) == sentence


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        (0.99 * FAIR_WITHIN, "about right"),
        (1.01 * FAIR_WITHIN, "over-credited"),
        (1.01 / FAIR_WITHIN, "about right"),
        (0.99 / FAIR_WITHIN, "under-credited"),
    ],
)
def test_about_right_ends_where_it_says_on_both_sides(factor, word):
    # Attributed 10 per order; incremental 10 × factor.
    caused = 100_000
    cost = caused * 10 * factor
    assert word in said(cost, cost / 10, caused)


def test_the_model_and_the_channel_are_named_in_plain_words():
    assert said(10.0, 1.0, 1, channel="social_prospecting", model="lift_test").startswith("Social prospecting ")
    assert "lift test says" in said(10.0, 1.0, 1, model="lift_test")
    assert words("brand_search") == "Brand search"


def test_no_sentence_prints_a_number_that_does_not_exist():
    for credited in (0.0, 0.5, 7.0):
        for caused in (-2, 0, 3):
            for cost in (0.0, 12.5):
                sentence = said(cost, credited, caused)
                assert "nan" not in sentence
                assert "inf" not in sentence
    assert math.isnan(Effect("a", "average", 0, 0, 0, 0).cost_per_incremental_conversion)


@pytest.mark.parametrize(
    ("cost", "credited", "caused", "judgement"),
    [
        (0.0, 5.0, 5.0, "free"),
        (10.0, 0.0, 0.0, "without effect"),
        (10.0, 5.0, 0.0, "over-credited"),
        (10.0, 5.0, -1.0, "over-credited"),
        (10.0, 0.0, 5.0, "under-credited"),
        (10.0, FAIR_WITHIN, 1.0, "about right"),
        (10.0, 1.0, FAIR_WITHIN, "about right"),
        (10.0, 1.01 * FAIR_WITHIN, 1.0, "over-credited"),
        (10.0, 1.0, 1.01 * FAIR_WITHIN, "under-credited"),
    ],
)
def test_the_word_for_a_pair_of_prices(cost, credited, caused, judgement):
    assert credited_per_caused(cost, credited, caused).judgement == judgement
