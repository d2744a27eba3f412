"""Wording: what the report says in sentences (orders as counts, money in currency units)."""

import math
from typing import Any

from cpalab.micros import MICROS
from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.verdict import words
from experiments.designs.regions.scenario_geo_tests import NO_SPEND_CHANGED, OwnGeoTest
from experiments.report.frames import LEVEL
from experiments.report.numerals import count, money, p_value, percent, times
from experiments.report.order_of_channels import by_over_credit, credited_per_caused
from experiments.truth.conversion_noun import ConversionNoun
from experiments.truth.effects import ALL, Effect


def finding(comparison: Comparison) -> str:
    """How many orders would have happened anyway, and what an incremental order cost all in all."""
    joint, action = joint_effect(comparison), comparison.action
    if comparison.conversions == 0:
        return f"There was no {action.one} in this world, so no {action.one} has a cost."
    if not comparison.channels or joint is None:
        return f"There were {action.counted(comparison.conversions)}. {_paid_for(comparison)}"
    labels = comparison.truth.labels[ALL].counts()
    orders, extra = comparison.conversions, joint.incremental_conversions
    cost = f"{comparison.currency} {money(joint.cost_micros / MICROS)}"
    happened = (
        f"Of {action.counted(orders)}, {count(labels['always'])} ({percent(labels['always'] / orders)}) would have "
        f"come just the same without any ads, and {count(labels['moved'])} at another time or value. "
    )
    if extra <= 0:
        gained = f"{f'{action.counted(-extra)} fewer' if extra else f'no more {action.many}'} than without them"
        brought = f"All ads together cost {cost} and brought {gained}. "
    else:
        brought = (
            f"All ads together cost {cost} and brought {action.counted(extra)} more than there would have been: "
            f"{comparison.currency} {money(joint.cost_per_incremental_conversion)} for each extra {action.one}. "
        )
    return happened + brought + _paid_for(comparison)


def joint_effect(comparison: Comparison) -> Effect | None:
    """The effect of all ads together, where it was measured."""
    return next((e for e in comparison.truth.effects if (e.channel, e.estimand) == (ALL, "joint")), None)


def _paid_for(comparison: Comparison) -> str:
    """The claim of the first model, and who gains and loses most by it."""
    if not comparison.channels:
        return "This scenario buys no ads."
    model, action = comparison.judge, comparison.action
    cost = sum(channel.cost for channel in comparison.channels)
    credited = sum(channel.credits[model] for channel in comparison.channels)
    said = f"{words(model)} credits the paid channels with {action.counted(round(credited))}"
    said += f" at {comparison.currency} {money(cost / credited)} each" if credited > 0 else ""
    ranked = [(channel, credited_per_caused(channel, model)) for channel in by_over_credit(comparison)]
    over_credited = [words(channel.channel) for channel, judged in ranked if judged.judgement == "over-credited"]
    under_credited = [words(channel.channel) for channel, judged in ranked if judged.judgement == "under-credited"]
    told = [f"over-credits {over_credited[0]} most"] if over_credited else []
    told += [f"under-credits {under_credited[-1]} most"] if under_credited else []
    return f"{said}; it {' and '.join(told)}." if told else f"{said}."


def ads_in_words(channel: str) -> str:
    """Whose ads a row is about."""
    return "All ads together" if channel == ALL else words(channel)


def beside_name(row: dict[str, Any], action: ConversionNoun) -> str:
    """The judgement of a row of the dumbbell frame in a few words."""
    if row["judgement"] == "free":
        return "cost nothing"
    if row["judgement"] == "without effect":
        return "credited and caused nothing"
    if row["judgement"] == "about right":
        return "about right"
    if math.isinf(row["credited_per_caused"]):
        return (
            "over-credited: caused nothing"
            if row["incremental_conversions"] == 0
            else f"over-credited: lost {action.many}"
        )
    if row["credited_per_caused"] == 0:
        return "under-credited: never credited"
    factor = row["credited_per_caused"] if row["judgement"] == "over-credited" else 1 / row["credited_per_caused"]
    return f"{row['judgement']} {times(factor)}"


def ends_in_words(row: dict[str, Any], action: ConversionNoun) -> str:
    """What a reader must know of an interval's ends beside its numbers."""
    if math.isnan(row["lift_cpa_lower"]):
        return " (no test)"
    if math.isinf(row["lift_cpa_lower"]):
        return f" (the test saw {action.many} lost: no price)"
    return ", no upper end" if math.isinf(row["lift_cpa_upper"]) else ""


def lift_sentence(channel: ChannelComparison) -> str:
    """What the lift test may conclude, and whether the truth lies in its interval."""
    if channel.lift is None:
        return "No lift test: nobody was held out from its ads."
    price = channel.lift.cost_per_incremental_conversion(LEVEL)
    truth = channel.truth.cost_per_incremental_conversion
    inside = ""
    if price.cost > 0 and not math.isnan(truth):
        inside = " The truth lies inside." if price.contains(truth) else " The truth lies outside."
    return f"Lift test: {price.summary()}{inside}"


def dumbbell_summary(comparison: Comparison) -> str:
    """The picture of prices in words, for those who do not see it."""
    model = comparison.judge
    said = [
        f"{words(c.channel)}: {words(model).lower()} {money(c.attributed_cpa(model))}, "
        f"truly {money(c.truth.cost_per_incremental_conversion)}"
        for c in by_over_credit(comparison)
    ]
    return (
        f"Dumbbell chart of the {comparison.currency} per {comparison.action.one} of each channel, "
        f"the most over-credited first. {'; '.join(said)}."
    )


def interval_sentence(comparison: Comparison) -> str:
    """How many lift intervals hold the truth, and which have no upper end."""
    tests = [(c, c.lift.cost_per_incremental_conversion(LEVEL)) for c in comparison.channels if c.lift is not None]
    if not tests:
        return "No channel was tested: the scenario holds nobody out."
    known = [
        (price, truth)
        for c, price in tests
        if not math.isnan(truth := c.truth.cost_per_incremental_conversion) and price.cost > 0
    ]
    holding = sum(price.contains(truth) for price, truth in known)
    open_ended = [words(c.channel) for c, price in tests if math.isinf(price.upper) and not price.harmful]
    harmful = [words(c.channel) for c, price in tests if price.harmful]
    held = f"The lift test's {percent(LEVEL)} interval holds the truth for {holding} of {len(known)} channels."
    if harmful:
        held += f" For {_listed(harmful)} the test saw {comparison.action.many} lost: no price exists."
    if not open_ended:
        return held
    if len(open_ended) == len(tests):
        return f"{held} None of them has an upper end: each test leaves it possible that the ads caused nothing."
    return (
        f"{held} {_listed(open_ended)} {'has' if len(open_ended) == 1 else 'have'} no upper end (the bar ends in "
        "an arrow): the test leaves it possible that the ads caused nothing."
    )


def label_summary(comparison: Comparison) -> str:
    """The picture of orders in words, for those who do not see it."""
    caused = [
        f"{words(c.channel)} {count(comparison.truth.labels[c.channel].counts()['caused'])}"
        for c in comparison.channels
        if c.channel in comparison.truth.labels
    ]
    by_channel = f"{comparison.action.many.capitalize()} caused by channel: {', '.join(caused)}."
    return f"Stacked bars of all {comparison.action.many}. {comparison.truth.summary()} {by_channel}"


def geo_test_heading(test: OwnGeoTest) -> str:
    """Which test a chart is about."""
    return f"{words(test.name)}: {words(test.channel).lower()}, {kind_in_words(test.kind)}"


def kind_in_words(kind: str) -> str:
    """A kind of geo test: go dark, heavy up, holdback, on/off."""
    return "on/off" if kind == "on_off" else kind.replace("_", " ")


def geo_test_sentence(test: OwnGeoTest, action: ConversionNoun) -> str:
    """What a geo test found, whether the truth lies in its interval, and how well the counterfactual fitted before it."""
    if test.test is None:
        return f"It cannot be read: {test.refusal}."
    lower, upper = test.test.lift.interval(LEVEL)
    change = test.truth.change.incremental_conversions
    where = "on the days with ads" if test.kind == "on_off" else "in the treated geos"
    what = f"The test changed {action.many} {where} by {count(test.test.lift.difference)}"
    inside = "inside" if lower <= change <= upper else "outside"
    found = (
        f"{what} ({percent(LEVEL)} interval {count(lower)} to {count(upper)}, p {p_value_in_words(test.test.p_value)})."
    )
    true = f"Truly it changed them by {count(change)}, which lies {inside}."
    spent, note = test.truth.change.cost_micros, ""
    if spent == 0:
        note = f" {NO_SPEND_CHANGED}"
    elif spent < 0:
        note = " Ads were taken away, so both are below zero where the ads worked."
    fit = test.test.fit
    said = "" if fit is None else f" {fit.summary(test.test.step.of)}"
    return f"{found} {true}{note}{said}"


def p_value_in_words(probability: float) -> str:
    """After the letter p: `= 0.03`, `< 0.001`."""
    text = p_value(probability)
    return text if text.startswith("<") else f"= {text}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
