"""Rules that look at the order of touches only: first click, last click, last non-direct, linear."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from attribution.credit import Credit
from attribution.paths import Paths
from attribution.rows import Floats, Ints
from attribution.settings import is_one_of


class TouchRule(ABC):
    """A model that learns nothing: `touch_shares` is all there is to it."""

    name: ClassVar[str]

    @abstractmethod
    def touch_shares(self, paths: Paths) -> Floats:
        """Return the share of its path that each touch gets [n_touches]; shares of a path sum to 1."""

    def fit(self, paths: Paths) -> Self:  # noqa: ARG002 - the contract's signature
        """Return the rule itself."""
        return self

    def credit(self, paths: Paths) -> Credit:
        """Return each channel's conversions and value: the sum over its touches of share × path total."""
        return Credit.from_touch_shares(self.name, paths, self.touch_shares(paths))


@dataclass(frozen=True)
class LastClick(TouchRule):
    """All to the last touch of the path: what every tool calls last click (last touch, last interaction).

    Which touches there are, and whether clicks beat views, is settled before, by `PathSettings`.
    """

    name: ClassVar[str] = "last_click"

    def touch_shares(self, paths: Paths) -> Floats:
        """1 for the last touch, else 0."""
        return _all_to(paths, paths.offsets[1:] - 1)


@dataclass(frozen=True)
class FirstClick(TouchRule):
    """All to the first touch of the path."""

    name: ClassVar[str] = "first_click"

    def touch_shares(self, paths: Paths) -> Floats:
        """1 for the first touch, else 0."""
        return _all_to(paths, paths.offsets[:-1])


@dataclass(frozen=True)
class LastNonDirect(TouchRule):
    """All to the last touch that is not direct; to the last direct touch if there is no other.

    Attributes:
        direct_channels: names that mean "came without a referrer"; compared without regard to case.

    Source: the rule of Google Analytics, Matomo and Snowplow's `remove_if_last_and_not_all`.
    """

    name: ClassVar[str] = "last_non_direct"
    direct_channels: tuple[str, ...] = ("direct",)

    def touch_shares(self, paths: Paths) -> Floats:
        """1 for the last touch that is not direct, else 0."""
        direct = np.array([is_one_of(channel, self.direct_channels) for channel in paths.channels], dtype=np.bool_)
        place = np.where(direct[paths.codes], -1, np.arange(len(paths.codes)))
        last = np.maximum.reduceat(place, paths.offsets[:-1]) if len(paths) else place
        return _all_to(paths, np.where(last < 0, paths.offsets[1:] - 1, last))


@dataclass(frozen=True)
class Linear(TouchRule):
    """The same to every touch: 1 / n. A channel touched twice gets two shares (as most tools do)."""

    name: ClassVar[str] = "linear"

    def touch_shares(self, paths: Paths) -> Floats:
        """1 / length of the path."""
        return np.repeat(1 / paths.lengths, paths.lengths)


def _all_to(paths: Paths, touch: Ints) -> Floats:
    shares = np.zeros(len(paths.codes))
    shares[touch] = 1
    return shares
