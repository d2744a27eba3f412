"""Lesson: retargeting and selection: who saw the ads was going to buy more anyway (times as many orders)."""

from experiments.report.lessons.lesson import Answer, Guess, Lesson, TeachersSheet
from experiments.report.lessons.reading import Reading
from experiments.report.numerals import money, number
from experiments.truth.conversion_noun import ORDER

WATCHED = "retargeting"


def facts(reading: Reading) -> dict[str, str]:
    """The naive comparison."""
    return {"times": f"{reading.comparison('everyone')['times']:.1f}", "spend": money(reading.spent(WATCHED)),
            "currency": reading.worlds.fact.scenario.market.currency}  # fmt: skip


def answer(reading: Reading) -> Answer:
    """Orders of those who saw the ads, in percent above their own without them."""
    everyone, true = reading.comparison("everyone"), reading.comparison("themselves")
    caused = true["exposed.orders"] - true["compared.orders"]
    return Answer(
        round(100 * (true["times"] - 1)),
        (
            f"The people who saw the ads made {number(true['exposed.orders'])} orders. The very same people, living the same days "
            f"without retargeting, make {number(true['compared.orders'])}: the ads caused {ORDER.counted(round(caused))}, which is "
            f"{100 * (true['times'] - 1):.0f} % more. Comparing them with everyone else had said {everyone['times']:.1f} times as many.",
            "Retargeting is shown to people who have been to the shop. They were about to buy before any ad: that is why they "
            "were chosen. Comparing them with others measures the choice, not the ad.",
        ),
    )


LESSON = Lesson(
    title="Retargeting and selection",
    line="People who see retargeting buy more; mostly they would have anyway.",
    story=(
        "Retargeting shows ads to people who have been to the shop before. It cost {spend} {currency}. People who saw its ads order {times} "
        "times as often as people who saw none.",
        "Suppose these ads had never been shown, and nothing else were different.",
    ),
    guess=Guess("How many percent more orders do the ads bring from the people who see them?", 0, 300, 5, "%"),
    task="Compare the people who saw the ads with fairer and fairer groups. Which of these groups could you build from real data? "
    "In the table below, see what the report pays retargeting for views and clicks.",
    panels=("compare", "credit"),
    controls=("group", "view", "lookback", "dedup"),
    watched=WATCHED,
    switches=(WATCHED,),
    start={"view": 1.0, "dedup": "each"},
    questions=(
        (
            "Why do the answers differ so much between the groups?",
            "The groups differ in how close they were to buying. A fair comparison needs people who were just as close and saw no ad.",
        ),
        (
            "Comparing with regular visitors may even make the ads look harmful. Do they repel people?",
            "No. Among regular visitors those without an ad are a special kind too: they came late, or bought early. "
            "Choosing more cleverly after the fact does not make it random.",
        ),
        (
            "The last group needs a second life. What can be done in reality?",
            "Draw by lot before: leave some people of the audience without ads and compare them with the rest (ghost ads "
            "mark whom of the held out an ad would have reached).",
        ),
        (
            "What does credit for views pay for here?",
            "For having been shown to people who buy. The fewer ads cause, the cheaper such orders look.",
        ),
    ),
    sheet=TeachersSheet(
        minutes=25,
        aim="Learners recognise selection: the comparison measures who was chosen, not what the ad did.",
        course=(
            "Guess (3 minutes).",
            "Work through the four groups; note the four answers on the board (7 minutes).",
            "Discuss which of them a vendor’s slide would show (5 minutes).",
            "Truth; switch retargeting off (5 minutes). Questions (5 minutes).",
        ),
        misunderstandings=(
            "“Then retargeting never works.” It causes some orders here, and more elsewhere: the size must be tested.",
            "“With enough control variables we need no test.” See the sources: hundreds of variables did not suffice.",
        ),
        sources=(
            "Lewis, Rao, Reiley (2011), Here, There, and Everywhere: activity bias (effect by experiment 5.4 %, by comparison with controls 872 %).",
            "Gordon, Moakler, Zettelmeyer, Close Enough?: 663 experiments beside observational estimates.",
            "Johnson, Lewis, Nubbemeyer (2017), Ghost Ads: retargeting raised purchases by 10.5 %.",
        ),
    ),
    answer=answer,
    facts=facts,
)
