"""Pause by CPA: a campaign that costs more than a maximum per reported conversion is paused (currency).

It is judged once it has spent `patience` times the maximum in the window: before that even none at all says little.

Source: automated rules of ad platforms (Google Ads Help, "About automated rules": pause if cost/conv. exceeds a value); the
patience is an assumption [M].
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from cpalab.plugins import NameWithParameters
from simulator.market.advertiser.desk import Desk
from simulator.market.processes.checks import check_parameters


@dataclass(frozen=True)
class PauseByCpa:
    """Pauses campaigns whose reported CPA exceeds a maximum, for good.

    Attributes:
        maximum: cost per reported conversion, in currency.
        campaigns: those it watches, as `channel.campaign`; none: all.
        system: whose conversions count.
        window_days: how far back it looks; every_days: how often.
        patience: how many times the maximum must have been spent in the window.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("pause_by_cpa")
    maximum: float
    campaigns: tuple[str, ...] = ()
    system: str = "platform"
    window_days: float = 14.0
    every_days: float = 1.0
    patience: float = 3.0

    def __post_init__(self) -> None:
        check_parameters(self, positive=("maximum", "window_days", "every_days", "patience"))

    def run(self, market: Desk) -> Generator[Any, Any, None]:
        """Look every so many days, and pause what is too dear."""
        while True:
            yield market.timeout(self.every_days)
            for name in self.campaigns or market.campaigns:
                spend = market.spend(name, days=self.window_days)
                if spend < self.patience * self.maximum or market.is_paused(name):
                    continue
                if market.cost_per_conversion(self.system, name, days=self.window_days) > self.maximum:
                    market.pause(name)
