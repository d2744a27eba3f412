"""Lesson: why lift tests are wide (Lewis and Rao): draw your own test, the class sees the distribution (extra orders)."""

import math

from experiments.report.lessons.lesson import Answer, Guess, Lesson, TeachersSheet
from experiments.report.lessons.reading import Reading
from experiments.report.numerals import money, number

WATCHED = "video"
CLASS = 50  # tests a class draws: 1000, 1001 … as the page's button does


def facts(reading: Reading) -> dict[str, str]:
    """Spend, people, and the truth."""
    people = reading.people
    return {
        "spend": money(reading.spent(WATCHED)),
        "true": number(reading.true_effect(people)),
        "people": f"{people:,}",
        "orders": number(reading.real_orders[""]),
        "currency": reading.worlds.fact.scenario.market.currency,
    }


def answer(reading: Reading) -> Answer:
    """Of fifty tests with everybody, a tenth held out, how many cannot rule out that the ads do nothing."""
    people = reading.people
    held = float(reading.beginning["held"])
    tests = [reading.test(people, held, 1000 + k) for k in range(CLASS)]
    intervals = [test.incremental_conversions.interval(0.95) for test in tests]
    found = [test.incremental_conversions.difference for test in tests]
    truth = reading.true_effect(people) * tests[0].treated.users / people
    holding = sum(low <= truth <= high for low, high in intervals)
    return Answer(
        float(sum(low <= 0 <= high for low, high in intervals)),
        (
            f"The ads truly cause {number(truth)} extra orders among the people treated. Fifty tests with everybody, a tenth held out, find "
            f"anything from {number(min(found))} to {number(max(found))}; {holding} of the 50 intervals hold the truth, as "
            "about 95 of 100 should. The tests are right, and still cannot tell: buying is rare and chancy, and the effect is "
            "small beside it.",
            "Lewis and Rao (2015) looked at 25 experiments that cost 2.8 million dollars: the spread of sales between people is "
            "about ten times their mean, and telling a campaign that loses its money from one that earns 50 % on it often took more than ten "
            "million person-weeks. Two remedies: more people and more held out; or measuring something closer to the ad, and saying how unsure one is.",
        ),
    )


LESSON = Lesson(
    title="Why lift tests are wide",
    line="Draw your own test; the class sees fifty of them.",
    story=(
        "Video ads cost {spend} {currency}. They do work: of {orders} orders of {people} people, {true} would not have come without them. You know, because this is a "
        "simulated market. In reality nobody does, so the shop tests: a tenth of the people, drawn by lot, never see the ads.",
        "Fifty students run such a test, each with a lot of their own.",
    ),
    guess=Guess("How many of the fifty tests cannot rule out that the ads do nothing?", 0, 50, 1, "of 50"),
    task="Draw your own test: choose your number, then change the people in the test and the share held out. Then draw the class: "
    "each line is one test’s 95% interval, grey where it includes no effect; the upright line is the truth.",
    panels=("test",),
    controls=("draw", "people", "held"),
    watched=WATCHED,
    users=60_000,
    start={"people": math.inf},  # everybody
    questions=(
        (
            "Your test’s interval includes zero. Does it show that the ads do nothing?",
            "No. It shows that this test cannot tell. Look at the other end of the interval too: that much it cannot rule out either.",
        ),
        (
            "Which is better with the same people: a tenth held out, or half?",
            "Half gives the narrowest interval, at the price of ads not shown to half of the people. Move the slider: the small "
            "arm decides the width.",
        ),
        (
            "A colleague runs ten tests and reports the one that is significant. What will its number be?",
            "Too large. Among wide tests only overestimates clear the bar: look at the leftmost ends of the coloured lines.",
        ),
        (
            "How many more people halve the interval?",
            "Four times as many: width goes with one over the square root.",
        ),
    ),
    sheet=TeachersSheet(
        minutes=30,
        aim="Learners see one interval as a draw from a distribution, and read “not significant” as “cannot tell”.",
        course=(
            "Guess (3 minutes).",
            "Everybody draws the test of their own number and writes estimate and interval on the board (7 minutes).",
            "Collect: how many would conclude the ads do nothing? How many intervals hold the truth? (5 minutes)",
            "Draw the class; change people and share held out, draw again (10 minutes).",
            "Questions (5 minutes).",
        ),
        misunderstandings=(
            "“The interval is where 95 % of the results lie.” It is where the truth lies in 95 of 100 such tests.",
            "“A wide interval means a bad test.” It means a small effect beside much chance; the test says so honestly.",
        ),
        sources=(
            "Lewis, Rao (2015), The Unfavorable Economics of Measuring the Returns to Advertising, Quarterly Journal of Economics 130(4).",
            "Intervals: Welch’s t, as cpalab lift user computes it with method welch.",
        ),
    ),
    answer=answer,
    facts=facts,
)
