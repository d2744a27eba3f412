"""What the report says in sentences."""

from dataclasses import replace

import pytest

from experiments.report.frames import dumbbell_frame
from experiments.report.wording import (
    beside_name,
    ends_in_words,
    finding,
    interval_sentence,
    label_summary,
    lift_sentence,
)
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import ALL, Effect


def test_the_finding_tells_what_happens_anyway_and_what_an_extra_order_cost(comparison):
    assert finding(comparison) == (
        "Of 1,000 orders, 550 (55%) would have come just the same without any ads, and 50 at another time or value. "
        "All ads together cost EUR 7,900 and brought 380 orders more than there would have been: EUR 20.79 for each extra "
        "order. Last click credits the paid channels with 480 orders at EUR 16.46 each; "
        "it over-credits Brand search most and under-credits Video most."
    )


@pytest.mark.parametrize(
    ("extra", "said"),
    [(0, "brought no more orders than without them"), (-7, "brought 7 orders fewer than without them")],
)
def test_ads_that_gain_nothing_have_no_price(comparison, extra, said):
    joint = Effect(ALL, "joint", 7_900_000_000, extra, 0, 1)
    effects = (*comparison.truth.effects[:-1], joint)
    told = finding(replace(comparison, truth=replace(comparison.truth, effects=effects)))
    assert f"All ads together cost EUR 7,900 and {said}." in told


def test_without_orders_or_ads_there_is_little_to_say(comparison):
    assert finding(replace(comparison, conversions=0)) == "There was no order in this world, so no order has a cost."
    assert finding(replace(comparison, channels=())) == "There were 1,000 orders. This scenario buys no ads."


def test_beside_its_name_stands_the_judgement(comparison):
    rows = dumbbell_frame(comparison).to_dict("records")
    assert {row["channel"]: beside_name(row, ORDER) for row in rows} == {
        "brand_search": "over-credited: caused nothing",
        "retargeting": "over-credited 7.0×",
        "shopping": "about right",
        "video": "under-credited 5.0×",
        "coupon": "credited and caused nothing",
    }


def test_ends_of_intervals_in_words(comparison):
    rows = {row["channel"]: row for row in dumbbell_frame(comparison).to_dict("records")}
    assert ends_in_words(rows["brand_search"], ORDER) == ", no upper end"
    assert ends_in_words(rows["video"], ORDER) == ""
    assert ends_in_words(rows["shopping"], ORDER) == " (no test)"
    assert ends_in_words(rows["coupon"], ORDER) == " (the test saw orders lost: no price)"


def test_lift_sentences_tell_whether_the_truth_lies_inside(comparison):
    said = {channel.channel: lift_sentence(channel) for channel in comparison.channels}
    assert said["shopping"] == "No lift test: nobody was held out from its ads."
    assert said["brand_search"].endswith("has no upper end. The truth lies inside.")
    assert said["video"].endswith("The truth lies inside.")
    video = next(channel for channel in comparison.channels if channel.channel == "video")
    far_off = replace(video, truth=replace(video.truth, incremental_conversions=1))
    assert lift_sentence(far_off).endswith("The truth lies outside.")


def test_intervals_without_an_upper_end_are_named(comparison):
    said = interval_sentence(comparison)
    assert said.startswith("The lift test's 95% interval holds the truth for 3 of 3 channels.")
    assert "Brand search and Retargeting have no upper end" in said
    assert "For Coupon the test saw orders lost" in said
    untested = tuple(replace(channel, lift=None) for channel in comparison.channels)
    assert interval_sentence(replace(comparison, channels=untested)).startswith("No channel was tested")


def test_the_label_summary_counts(comparison):
    assert "Video 200" in label_summary(comparison)


def test_it_speaks_of_what_the_scenario_counts(comparison):
    installs = replace(comparison, truth=replace(comparison.truth, action=ConversionNoun("install")))
    assert "Of 1,000 installs" in finding(installs)
    assert "for each extra install" in finding(installs)
    assert "order" not in finding(installs)
