"""Creative rotation: every so many days the creative that has run longest makes room for the next from the shelf (days).

Source: the practice of refreshing creatives every two to four weeks against wear; a fixed rhythm is an assumption [M].
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters


@dataclass(frozen=True)
class CreativeRotation:
    """Launches the next shelved creative and retires the oldest on air, in the order of the scenario, round and round.

    Attributes:
        campaign: `channel` or `channel.campaign`; it needs a creative on the shelf (`shelved = true`).
        every_days: how long until the next.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("creative_rotation")
    campaign: str
    every_days: float = 14.0

    def __post_init__(self) -> None:
        check_parameters(self, positive=("every_days",))

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Rotate every so many days."""
        made = market.creatives(self.campaign)
        on_air = [name for name, live in made.items() if live]
        shelf = [name for name, live in made.items() if not live]
        while shelf:
            yield market.timeout(self.every_days)
            market.launch(self.campaign, shelf[0])
            on_air.append(shelf.pop(0))
            if len(on_air) > 1:
                market.retire(self.campaign, on_air[0])
                shelf.append(on_air.pop(0))
