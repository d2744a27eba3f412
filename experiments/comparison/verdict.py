"""The verdict: whether attribution over-credits or under-credits a channel, as a factor, a word and a sentence."""

import math
from dataclasses import dataclass
from typing import Literal

from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import Effect

FAIR_WITHIN = 1.25  # attributed and incremental CPA closer than this factor are called alike

# To be said wherever verdicts are: `many` is what is counted.
CERTAINTY = "The truth is exact for this market and seed; where few {many} are caused, another seed differs."

Judgement = Literal["over-credited", "about right", "under-credited", "free", "without effect"]


@dataclass(frozen=True)
class CreditedPerCaused:
    """How an attributed CPA stands to the true incremental one.

    Attributes:
        factor: incremental CPA ÷ attributed CPA; inf where money caused no order, 0 where it caused orders but was
            credited with none, nan where there is neither price.
        judgement: the word for it.
    """

    factor: float
    judgement: Judgement


def credited_per_caused(cost: float, credited: float, caused: float) -> CreditedPerCaused:
    """(cost / caused) / (cost / credited) = credited / caused; alike within FAIR_WITHIN. Cost in currency."""
    if cost == 0:
        return CreditedPerCaused(math.nan, "free")
    if credited <= 0 and caused <= 0:
        return CreditedPerCaused(math.nan, "without effect")
    if caused <= 0:
        return CreditedPerCaused(math.inf, "over-credited")
    factor = max(credited, 0.0) / caused
    if 1 / FAIR_WITHIN <= factor <= FAIR_WITHIN:
        return CreditedPerCaused(factor, "about right")
    return CreditedPerCaused(factor, "over-credited" if factor > 1 else "under-credited")


def verdict(
    channel: str, cost: float, credited: float, effect: Effect, model: str, action: ConversionNoun = ORDER
) -> str:
    """Which channels are over-credited and which under-credited, in a sentence. Cost in currency, credited conversions."""
    name, by = words(channel), words(model).lower()
    caused = effect.incremental_conversions
    found = credited_per_caused(cost, credited, caused)
    if found.judgement == "free":
        return f"{name} cost nothing."
    if found.judgement == "without effect":
        did = "caused nothing" if caused == 0 else f"prevented {action.counted(-caused)}"
        return f"{name} cost {cost:,.0f}, was credited with nothing and {did}."
    if caused <= 0:
        come = f"the same {action.many}" if caused == 0 else f"{-caused:,} more {action.many}"
        price = f"{action.counted(round(credited))} at {cost / credited:,.2f}"
        return f"{name} is over-credited: {by} credits it with {price}, but without it {come} would have come."
    incremental = cost / caused
    if credited <= 0:
        price = f"{caused:,} at {incremental:,.2f} each"
        return f"{name} is under-credited: {by} credits it with no {action.one}, yet it caused {price}."
    facts = f"{by} says {cost / credited:,.2f} per {action.one}, an extra {action.one} truly cost {incremental:,.2f}"
    if found.judgement == "about right":
        return f"{name} is priced about right: {facts}."
    if found.judgement == "over-credited":
        return f"{name} is over-credited: {facts}, {found.factor:,.1f} times as much."
    return f"{name} is under-credited: {facts}, {_less(found.factor)} less."


def _less(factor: float) -> str:
    """The share by which a price is lower that is this factor of another: `36%`."""
    return f"{1 - factor:.0%}" if factor >= 0.005 else f"{1 - factor:.1%}" if factor >= 0.0005 else "over 99.9%"


def system_in_words(system: str) -> str:
    """A system's name in a sentence: `crm_qualified` as CRM qualified."""
    return system.replace("crm", "CRM").replace("_", " ")


def words(name: str) -> str:
    """`brand_search` as Brand search; parameters in brackets keep their spelling."""
    start = name.find("(") if name.endswith(")") and "=" in name else len(name)
    plain, parameters = name[:start], name[start:]
    return " ".join((plain.replace("_", " ").capitalize(), parameters)).rstrip()
