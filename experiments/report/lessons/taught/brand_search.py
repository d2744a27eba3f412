"""Lesson: brand search, and what eBay found when it switched it off (percent of credited orders)."""

from experiments.report.lessons.lesson import Answer, Guess, Lesson, TeachersSheet
from experiments.report.lessons.reading import Reading, price
from experiments.report.numerals import money, number
from experiments.truth.conversion_noun import ORDER

WATCHED = "brand_search"


def credited(reading: Reading) -> float:
    """Orders that last click gives to brand search."""
    return reading.credit(reading.beginning)[f"credit.{WATCHED}"]


def lost(reading: Reading) -> int:
    """Real orders that are missing in the world without it."""
    return reading.real_orders[""] - reading.real_orders[WATCHED]


def facts(reading: Reading) -> dict[str, str]:
    """What the report says about brand search."""
    spend = reading.spent(WATCHED)
    return {
        "spend": money(spend),
        "credited": number(credited(reading)),
        "cpa": money(price(spend, credited(reading))),
        "currency": reading.worlds.fact.scenario.market.currency,
    }


def answer(reading: Reading) -> Answer:
    """The share of credited orders that are lost without the ads."""
    gone, given, spend = lost(reading), credited(reading), reading.spent(WATCHED)
    share = 100 * gone / given if given else 0.0
    cost = f"{money(price(spend, gone))} each" if gone > 0 else "so an extra order had no price at all"
    return Answer(
        round(share),
        (
            f"Without brand search {ORDER.counted(abs(gone))} {'are lost' if gone >= 0 else 'come on top'}, though the report "
            f"had credited it with {number(given)}. {money(spend)} bought {ORDER.counted(max(gone, 0))} that would not have come: {cost}.",
            "Who types the shop’s name is on the way to the shop. Without the ad they click the free result below it. eBay "
            "switched its brand ads off: only 3 to 6 of 100 clicks did not come back, and no lasting loss of sales was measurable "
            "(Blake, Nosko, Tadelis 2015).",
        ),
    )


LESSON = Lesson(
    title="Brand search, and what eBay found",
    line="The cheapest channel of the report may cause almost nothing.",
    story=(
        "Brand search shows an ad to people who type the shop’s own name. In 30 days it cost {spend} {currency}, and last click credits it "
        "with {credited} orders: {cpa} each. No other channel of any size is as cheap.",
        "The shop considers to switch it off.",
    ),
    guess=Guess("Of 100 orders that are credited to brand search, how many would be lost?", 0, 100, 1, "of 100"),
    task="Try to find a model or a window under which brand search looks expensive. Then look at the truth, and switch the ads off.",
    panels=("credit",),
    controls=("model", "lookback", "cookie"),
    watched=WATCHED,
    switches=(WATCHED,),
    questions=(
        (
            "Where do the orders go when brand search is switched off?",
            "To the free search result and to direct visits: look at the table of the world without brand search.",
        ),
        (
            "Why can no attribution model see this?",
            "Every model shares out the orders that happened, among the touches that happened. That the visit would have come "
            "anyway is no touch in any path.",
        ),
        (
            "When would brand search be worth its money?",
            "Where rivals buy the name and people follow them, or where the free result is missing. It is a question for a "
            "test: switch it off in some regions.",
        ),
        (
            "Who else intercepts people on the way to the till?",
            "Coupon sites, cart retargeting, affiliates at checkout. Ask of each: would the order have come?",
        ),
    ),
    sheet=TeachersSheet(
        minutes=20,
        aim="Learners know substitution: a paid click that replaces a free one is credited in full and causes nothing.",
        course=(
            "Guess; ask for reasons (5 minutes).",
            "Try all models: brand search stays cheap under each (5 minutes).",
            "Switch it off; follow its orders to organic search and direct (5 minutes).",
            "Tell eBay’s story; questions (5 minutes).",
        ),
        misunderstandings=(
            "“It is cheap, so it is harmless.” It takes the credit, and so the budget, from what made people search.",
            "“eBay is special.” Perhaps: with a small brand and bold rivals it may differ. So test.",
        ),
        sources=(
            "Blake, Nosko, Tadelis (2015), Consumer Heterogeneity and Paid Search Effectiveness, Econometrica 83(1): after brand ads "
            "were stopped 5.9 % of clicks (one search engine) and 3 % (the other) were not recovered (2013 draft).",
        ),
    ),
    answer=answer,
    facts=facts,
)
