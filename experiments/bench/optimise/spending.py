"""Spending: a process that spreads the rest of a sum over the days that are left, by the shares last decided (currency)."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.market.advertiser.desk import Desk

RECENT_DAYS = 3.0  # in which it looks what campaigns take that no budget holds back
ROOM = 1.5  # times that: what such a campaign is given at most
MOST_BID = 4.0  # times the bid it began with
DEARER, CHEAPER = 1.15, 0.95


@dataclass(frozen=True)
class Spending:
    """What a signal's follower does day by day, once there are shares: spend the sum, no more and no less.

    A campaign that takes part in all auctions and is to spend more bids more, up to four times what it began with, and less
    again once its budget holds it back; what it cannot take meanwhile goes to the others. [M]

    Attributes:
        name: the author of the acts.
        shares: day → relative share of each campaign (`channel.campaign`) from then on.
        total: what all campaigns of the market are to cost in the reported window, in currency.
        days: the end of the window.
    """

    name: str
    shares: Mapping[float, Mapping[str, float]]
    total: float
    days: float

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Set budgets every day."""
        if not self.shares:
            return
        yield market.timeout(min(self.shares))
        began = {name: market.bid(name) for name in market.campaigns}
        while market.day < self.days:
            wanted = self.shares[max(day for day in self.shares if day <= market.day)]
            take = {name: market.spend(name, days=RECENT_DAYS) / RECENT_DAYS for name in market.campaigns}
            others = sum(amount for name, amount in take.items() if name not in wanted)
            a_day = (self.total - market.spend(since=0.0)) / (self.days - market.day) - others
            free = [name for name in wanted if not market.limited_by_budget(name)]
            budgets = shared_out(max(a_day, 0.0), wanted, {name: ROOM * take[name] for name in free})
            for name, budget in budgets.items():
                market.set_daily_budget(name, max(budget, 1e-6))
                bid, usual = market.bid(name), began[name]
                if name not in free:
                    market.set_bid(name, max(bid * CHEAPER, min(bid, usual)))
                elif budget > take[name]:
                    market.set_bid(name, min(bid * DEARER, MOST_BID * usual))
            yield market.timeout(1)


def shared_out(total: float, shares: Mapping[str, float], most: Mapping[str, float]) -> dict[str, float]:
    """A sum in these proportions, nobody above what it can take; where all have that, the rest in these proportions too."""
    given: dict[str, float] = {}
    open_to = dict(shares)
    while open_to:
        left = total - sum(given.values())
        weight = sum(open_to.values())
        full = {
            name: most[name] for name, share in open_to.items() if name in most and most[name] < left * share / weight
        }
        if not full or len(full) == len(open_to):
            return given | {name: left * share / weight for name, share in open_to.items()}
        given |= full
        open_to = {name: share for name, share in open_to.items() if name not in full}
    return given
