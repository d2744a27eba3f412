"""A reacting rival: whoever loses too many slots of a surface to the advertiser bids more there (price per thousand slots).

share = impressions won ÷ auctions entered. Above the tolerated share the rivals' price rises by a step, below it falls by
one, within half and twice what the scenario assumes.

Source: none public; an assumption [M].
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters


@dataclass(frozen=True)
class ReactingRival:
    """Raises the rivals' price on a surface while a channel wins more than they tolerate.

    Attributes:
        surface: where they bid.
        channel: `channel` or `channel.campaign` whose wins they mind.
        tolerated_share: of auctions won.
        every_days: how often they look, and how far back.
        step: by which the price moves, as share.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("reacting_rival")
    plays: ClassVar[str] = "rival"
    surface: str
    channel: str
    tolerated_share: float = 0.3
    every_days: float = 7.0
    step: float = 0.1

    def __post_init__(self) -> None:
        check_parameters(self, positive=("every_days", "step"), shares=("tolerated_share",))

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Look every so many days, and move the price."""
        usual = price = market.rival_price(self.surface)
        while True:
            yield market.timeout(self.every_days)
            auctions = market.auctions(self.channel, days=self.every_days)
            won = market.impressions(self.channel, days=self.every_days)
            if auctions:
                price *= 1.0 + self.step if won / auctions > self.tolerated_share else 1.0 / (1.0 + self.step)
                price = min(max(price, usual / 2.0), usual * 2.0)
                market.set_rival_price(self.surface, price)
