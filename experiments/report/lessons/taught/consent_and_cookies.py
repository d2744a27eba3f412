"""Lesson: consent and the life of cookies (orders recorded, percent)."""

from experiments.report.lessons.lesson import Answer, Guess, Lesson, TeachersSheet
from experiments.report.lessons.reading import Reading, price
from experiments.report.numerals import money, number

WATCHED = "social_prospecting"
LESS = {"consent": 60.0, "cookie": 1.0}


def facts(reading: Reading) -> dict[str, str]:
    """Real orders, and the channel's price with everything recorded."""
    credited = reading.credit(reading.beginning)[f"credit.{WATCHED}"]
    return {
        "orders": number(reading.real_orders[""]),
        "cpa": money(price(reading.spent(WATCHED), credited)),
        "currency": reading.worlds.fact.scenario.market.currency,
    }


def answer(reading: Reading) -> Answer:
    """How much dearer the channel looks."""
    before = reading.credit(reading.beginning)[f"credit.{WATCHED}"]
    consent = reading.credit(reading.beginning | {"consent": LESS["consent"]})[f"credit.{WATCHED}"]
    found = reading.credit(reading.beginning | LESS)
    spend, after = reading.spent(WATCHED), found[f"credit.{WATCHED}"]
    dearer = 100 * (before / after - 1) if after > 0 else float("inf")
    return Answer(
        round(dearer) if after > 0 else dearer,
        (
            f"The report shows {number(found['recorded'])} of {number(reading.real_orders[''])} orders"
            f", and gives {number(after)} to social prospecting instead of {number(before)}: "
            f"its CPA goes from {money(price(spend, before))} to {money(price(spend, after))}.",
            f"Consent alone leaves it {number(consent)}: refusing takes an order out of the report altogether. The rest is the "
            "cookie: the order is still there, but the click that came days before belongs to a visitor whom nobody "
            "recognises, so the credit moves to whatever came last: direct visits and search.",
            "No order was lost. Money, ads and people are the same.",
        ),
    )


LESSON = Lesson(
    title="Consent and cookies",
    line="Refusals remove orders from the report; short cookies move their credit to whatever came last.",
    story=(
        "A shop had {orders} orders in 30 days, all recorded. Social prospecting brought orders at {cpa} {currency} each, says its "
        "one report (last click, 30 days).",
        "Then two things happen: 40 of 100 people refuse consent, and browsers delete cookies after one day without a visit.",
    ),
    guess=Guess("By how much does the reported CPA of social prospecting rise?", 0, 300, 5, "%"),
    task="First move consent alone, then the life of cookies alone, then both. One of them takes orders away from all channels "
    "alike, the other shifts them between channels: which is which?",
    panels=("credit",),
    controls=("consent", "cookie", "lookback", "model"),
    watched=WATCHED,
    switches=(WATCHED,),
    questions=(
        (
            "Which of the two can be repaired by multiplying?",
            "Refusals, roughly: if 60 % consent and refusers behave alike, reported orders are 60 % of the real ones. Lost "
            "cookies cannot: the order is counted, under another channel’s name.",
        ),
        (
            "After a consent banner all channels’ CPA rise by two thirds. What do you conclude about the ads?",
            "Nothing. 1 ÷ 0.6 is 1.67: that is what 60 % consent must do. A channel whose CPA rises by clearly more or less is worth a look.",
        ),
        (
            "Why do direct visits and search gain when cookies get shorter?",
            "People come back by typing the address or searching for the name. Without the cookie the report sees only that.",
        ),
        (
            "What changes for the shop’s bank account?",
            "Nothing, unless somebody acts on the report and moves the budget.",
        ),
    ),
    sheet=TeachersSheet(
        minutes=20,
        aim="Learners tell missing orders (consent) from misplaced credit (cookies), and know the size to expect of the first.",
        course=(
            "Guess (3 minutes).",
            "Half of the class moves only consent, the other half only cookies; each writes down what happens to the sum and to "
            "the shares of the channels (7 minutes).",
            "Put both together; read the truth (5 minutes).",
            "Questions (5 minutes).",
        ),
        misunderstandings=(
            "“Fewer recorded orders, hence fewer orders.” The top counter stands still.",
            "“A longer lookback window brings lost clicks back.” Not where the cookie is gone.",
        ),
        sources=(
            "Browsers that cap cookies at 7 days or 1 day: Intelligent Tracking Prevention, as in cpalab’s identity settings.",
            "cpalab faults lists the closed form of each tracking fault: consent c multiplies CPA by 1 ÷ c.",
        ),
    ),
    answer=answer,
    facts=facts,
)
