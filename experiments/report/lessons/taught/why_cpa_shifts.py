"""Lesson: why cost per order shifts while nothing real changes (orders, currency units)."""

from experiments.report.lessons.lesson import Answer, Guess, Lesson, TeachersSheet
from experiments.report.lessons.reading import Reading, price
from experiments.report.numerals import money, number

WATCHED = "retargeting"
CHANGED = {"lookback": 7.0, "consent": 70.0, "cookie": 7.0}


def facts(reading: Reading) -> dict[str, str]:
    """Cost per order of the watched channel before and after three settings change."""
    spend = reading.spent(WATCHED)
    before, after = (reading.credit(reading.beginning | change)[f"credit.{WATCHED}"] for change in ({}, CHANGED))
    return {
        "before": money(price(spend, before)),
        "after": money(price(spend, after)),
        "orders": number(reading.real_orders[""]),
        "currency": reading.worlds.fact.scenario.market.currency,
    }


def answer(reading: Reading) -> Answer:
    """No order was lost."""
    told = facts(reading)
    return Answer(
        0.0,
        (
            f"None. There are {told['orders']} orders before and {told['orders']} after: the same people bought the same "
            "things on the same days. Only what the report can see, and whom it credits, has changed.",
            f"The report’s cost per order of retargeting went from {told['before']} to {told['after']} "
            f"{told['currency']} without one ad, click or order being different. The last column holds what no setting "
            "moves: what an extra order truly cost.",
        ),
    )


LESSON = Lesson(
    title="Why CPA shifts when nothing changes",
    line="Windows, consent, cookies, models and double counting move every CPA; real orders never move.",
    story=(
        "You run the ads of an online clothes shop. In these 30 days it had {orders} orders.",
        "On Monday somebody changes the report: the lookback window goes from 30 days to 7, the new consent banner is accepted "
        "by 70 of 100 people, and browsers now keep cookies for 7 days. The same 30 days are evaluated again. Cost per order "
        "of retargeting goes from {before} to {after} {currency}.",
    ),
    guess=Guess("How many of the {orders} real orders did the shop lose by this?", 0, 200, 5, "orders"),
    task="Move one setting at a time and watch CPA. Which settings make a channel look twice as good, or half as good? Find a "
    "setting that moves the top counter.",
    panels=("credit",),
    controls=("lookback", "view", "consent", "cookie", "dedup", "model"),
    watched=WATCHED,
    switches=(WATCHED,),
    questions=(
        (
            "CPA of a channel doubles overnight. What do you ask first?",
            "Whether anything in the measurement changed: a window, a model, a tag, a consent banner, de-duplication. If total "
            "orders in the shop’s own books did not move with it, the ads are not the first suspect.",
        ),
        (
            "Which number would have told you at once that nothing real had happened?",
            "The orders in the shop’s own books (or the CRM), and the money spent. Both stood still.",
        ),
        (
            "Two platforms together claim more orders than there are. Is one of them lying?",
            "No. Each counts every order that followed one of its own ads, and knows nothing of the other. Claims of "
            "different systems must not be added.",
        ),
        (
            "Is there a setting under which the report equals the truth?",
            "Not in general. Attribution shares out orders that happened; it cannot know which would have happened anyway. "
            "That takes a world without the ads: here a second life of the same people, in reality a randomised test.",
        ),
    ),
    sheet=TeachersSheet(
        minutes=25,
        aim="Learners separate three things that a CPA mixes: what people did, what was recorded, and who was given the credit.",
        course=(
            "Everybody guesses alone and says the guess aloud (5 minutes). Most will guess a loss.",
            "In pairs: make retargeting as cheap as possible, then as dear as possible. Write down the settings (10 minutes).",
            "Collect both ends on the board. Ask what the shop’s bank account would say about it.",
            "Show the truth; switch retargeting off (5 minutes). Compare lost orders with what the report had credited.",
            "Questions (5 minutes).",
        ),
        misunderstandings=(
            "“A lower CPA means better ads.” Only if numerator, denominator and rules are the same as before.",
            "“A longer window is more right.” It credits more; it does not know more.",
            "“With perfect tracking CPA would be true.” Here tracking is perfect at the start, and the last column still differs.",
        ),
        sources=(
            "The default scenario of cpalab: values without a public source are marked [M], an assumption.",
            "Cost per action moves with attribution windows, models and tracking: any ad platform’s help pages on attribution "
            "settings describe the switches of this page.",
        ),
    ),
    answer=answer,
    facts=facts,
)
