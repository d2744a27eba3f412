"""Lesson: the attribution window and the credit for views (orders claimed, percent of real orders)."""

from experiments.report.lessons.lesson import Answer, Guess, Lesson, TeachersSheet
from experiments.report.lessons.reading import Reading
from experiments.report.numerals import number

WATCHED = "video"
START = {"dedup": "each", "lookback": 7.0, "view": 0.0}


def claimed(reading: Reading, view: float) -> float:
    """Orders that all platforms together claim with so many days of credit for views."""
    return reading.credit(reading.beginning | {"view": view})["claimed"]


def facts(reading: Reading) -> dict[str, str]:
    """Real orders, and claims without views."""
    return {"orders": number(reading.real_orders[""]), "clicks": number(claimed(reading, 0.0))}


def answer(reading: Reading) -> Answer:
    """Claims with seven days of views over real orders."""
    orders, clicks, views = reading.real_orders[""], claimed(reading, 0.0), claimed(reading, 7.0)
    return Answer(
        round(100 * views / orders),
        (
            f"With clicks alone the platforms claim {number(clicks)} of {number(orders)} orders. With seven days of credit for "
            f"ads that were only seen they claim {number(views)}: the same orders, several times over.",
            "A view proves that the person was there, not that the ad did anything. Who looks at many pages sees many ads; who "
            "buys online looks at many pages. The last column shows what each channel truly caused: for some far less than "
            "views claim, for video on television screens, which nobody clicks, more than clicks ever show.",
        ),
    )


LESSON = Lesson(
    title="The window and the view",
    line="How many orders a platform claims is a choice of days; no choice of days makes it the truth.",
    story=(
        "A shop had {orders} orders in 30 days. Each ad platform reports on its own: it claims every order that comes within 7 "
        "days of a click on one of its ads. Together they claim {clicks}.",
        "Now every platform also claims orders of people who only saw one of its ads in the last 7 days.",
    ),
    guess=Guess("How many orders will the platforms claim together, in percent of the real {orders}?", 0, 400, 10, "%"),
    task="Move the two windows: days after a click, days after a view. Then let one report count every order once. Which channels "
    "live on views, which on clicks?",
    panels=("credit",),
    controls=("lookback", "view", "dedup"),
    watched=WATCHED,
    switches=(WATCHED,),
    start=START,
    questions=(
        (
            "Why can claims exceed the orders there are?",
            "A person meets several platforms before an order. Each claims the whole order; none knows of the others.",
        ),
        (
            "Your platform’s default changes from 7 days of views to 1. What must you expect, and what must you not do?",
            "Its conversions fall and its CPA rises at once, most for channels that live on views. Do not cut its budget for "
            "that: not one order was lost.",
        ),
        (
            "Should you then give no credit to views at all?",
            "That under-credits what works without clicks, such as video. Windows cannot settle it: test the channel.",
        ),
        (
            "How do you compare CPA before and after a change of window?",
            "Evaluate both periods under both windows, or apply the ratio of the two on the same days to the old figures.",
        ),
    ),
    sheet=TeachersSheet(
        minutes=20,
        aim="Learners can say what a click window and a view window do to a platform’s claims, and why neither measures cause.",
        course=(
            "Guess (3 minutes).",
            "Let learners find the view window at which claims first exceed real orders (5 minutes).",
            "One report: the same windows with every order once. Where did the surplus go? (5 minutes)",
            "Truth: look for a channel that claims too much and one that claims too little (5 minutes).",
        ),
        misunderstandings=(
            "“The view window is generous to everyone alike.” It favours channels with many cheap impressions.",
            "“Video does not work: nobody clicks.” Compare its last column with its clicks.",
        ),
        sources=(
            "Lewis, Reiley, Schreiner (2012): people who clicked and converted are under 30 % of the effect of a display campaign.",
            "Ad platforms’ published defaults: click windows of 7 or 30 days, view windows of 1 day; see docs/rollout.md.",
        ),
    ),
    answer=answer,
    facts=facts,
)
