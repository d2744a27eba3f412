"""Lesson: the average price of an order and the price of the next one (currency units)."""

from experiments.report.lessons.lesson import Answer, Guess, Lesson, TeachersSheet
from experiments.report.lessons.reading import Reading, price
from experiments.report.numerals import money, number

WATCHED = "video"
TODAY, LESS = 3, 1  # rungs of the ladder of bids


def parts(reading: Reading) -> tuple[float, float, float, float]:
    """Spend and extra orders at the lower bid, and what today's bid adds to them."""
    (_, none), (low, some), (full, all_) = reading.ladder[0], reading.ladder[LESS + 1], reading.ladder[TODAY + 1]
    return low, float(some - none), full - low, float(all_ - some)


def facts(reading: Reading) -> dict[str, str]:
    """Today's spend and what it brings, and the lower one."""
    first, orders, second, more = parts(reading)
    return {
        "spend": money(first + second),
        "less": money(first),
        "extra": number(orders + more),
        "average": money(price(first + second, orders + more)),
        "currency": reading.worlds.fact.scenario.market.currency,
    }


def answer(reading: Reading) -> Answer:
    """Extra orders lost at the lower bid, of 100 extra orders."""
    first, orders, second, more = parts(reading)
    credited = reading.margin(reading.beginning | {"bid": TODAY})["margin.cpa"]
    return Answer(
        round(100 * more / (orders + more)) if orders + more else 0.0,
        (
            f"The first {money(first)} bring {number(orders)} extra orders at {money(price(first, orders))} each. "
            f"The {money(second)} on top bring {number(more)}, at {money(price(second, more))} each.",
            f"The average of both, {money(price(first + second, orders + more))}, is the price of neither. Whether to bid more or "
            "less is decided at the margin: what the next orders cost, against what an order earns. The report’s "
            f"credit says {money(credited)}, which is a third thing altogether.",
        ),
    )


LESSON = Lesson(
    title="Averages against the margin",
    line="The next order costs more than the average one: budgets are decided at the margin.",
    story=(
        "Video ads cost {spend} {currency} in 30 days and truly caused {extra} orders that would not have come otherwise: {average} each on average.",
        "The shop considers to bid 40 % less. It would then win fewer auctions, and spend {less}.",
    ),
    guess=Guess("Of 100 of these extra orders, how many would be lost?", 0, 100, 5, "of 100"),
    task="Move the bid, from 0.4 to 1.6 times today’s. Compare three prices: what the report says, the average, "
    "and the margin. Where would you stop if an order earned 10, and where if it earned 20?",
    panels=("margin",),
    controls=("bid", "lookback", "model"),
    watched=WATCHED,
    users=80_000,
    market={
        "population.need_per_day.mean": 0.08,
        "channels.video.goodwill_per_impression": 0.2,
        "channels.video.campaigns.ctv.frequency_cap": 20,
        "surfaces.video.rival_sigma": 0.8,
    },
    questions=(
        (
            "Why does the next order cost more?",
            "A low bid wins the cheap slots; each higher one adds only dearer slots. And later ads repeat themselves to the same "
            "people, so that each further one does less.",
        ),
        (
            "A channel’s average cost per extra order is 30, an order earns 65. Should you double its budget?",
            "You cannot know from the average. If the next order already costs 80, every further coin loses money.",
        ),
        (
            "Two channels have the same average. How do you share money between them?",
            "Move it until their margins are equal, not their averages.",
        ),
        (
            "A single step of this ladder may look cheaper than the one before. Why?",
            "Each step is a handful of orders, and a handful is subject to chance even in a second life. Look at several steps together.",
        ),
    ),
    sheet=TeachersSheet(
        minutes=25,
        aim="Learners decide budgets by the price of the next order, and know that averages and reports do not show it.",
        course=(
            "Guess: most say 50 (3 minutes).",
            "Draw spend against extra orders from the table, on paper: the curve bends (10 minutes).",
            "Find average and margin in the drawing: slope to the origin, slope of the last step (7 minutes).",
            "Questions (5 minutes).",
        ),
        misunderstandings=(
            "“CPA is under target, so there is room.” The average may be under target while the margin is far over it.",
            "“A larger budget lowers CPA by scale.” The other way round where effects saturate.",
        ),
        sources=(
            "“Scale on marginal CPA, not average CPA” is common advice in guides to cost per action; this page shows why.",
            "In this lesson’s market people buy more often, video does more and its slots differ more in price than in cpalab’s default, so that the bend is visible in a small world.",
        ),
    ),
    answer=answer,
    facts=facts,
)
