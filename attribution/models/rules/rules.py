"""Rules that look at the order of touches only: first click, last click and its variants, linear."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from attribution.credit import Credit
from attribution.paths.paths import Paths
from attribution.paths.ragged import Bools, Floats, Ints, sum_by
from attribution.paths.settings import is_one_of
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError


class TouchRule(ABC):
    """A model that learns nothing: `touch_shares` is all there is to it."""

    name: ClassVar[NameWithParameters]

    @abstractmethod
    def touch_shares(self, paths: Paths) -> Floats:
        """The share of its path that each touch gets [n_touches]; shares of a path sum to 1."""

    def fit(self, paths: Paths) -> Self:  # noqa: ARG002 - the contract's signature
        """The rule itself."""
        return self

    def credit(self, paths: Paths) -> Credit:
        """Each channel's conversions and value: the sum over its touches of share × path total."""
        return Credit.from_touch_shares(self.name, paths, self.touch_shares(paths))


@dataclass(frozen=True)
class LastClick(TouchRule):
    """All to the last touch of the path: what every tool calls last click (last touch, last interaction).

    Which touches there are, and whether clicks beat views, is settled before, by `PathSettings`.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("last_click")

    def touch_shares(self, paths: Paths) -> Floats:
        """1 for the last touch, else 0."""
        return _all_to(paths, paths.offsets[1:] - 1)


@dataclass(frozen=True)
class FirstClick(TouchRule):
    """All to the first touch of the path."""

    name: ClassVar[NameWithParameters] = NameWithParameters("first_click")

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

    name: ClassVar[NameWithParameters] = NameWithParameters("last_non_direct")
    direct_channels: tuple[str, ...] = ("direct",)

    def touch_shares(self, paths: Paths) -> Floats:
        """1 for the last touch that is not direct, else 0."""
        direct = np.array([is_one_of(channel, self.direct_channels) for channel in paths.channels], dtype=np.bool_)
        last = _last_touch(paths, ~direct)
        return _all_to(paths, np.where(last < 0, paths.offsets[1:] - 1, last))


@dataclass(frozen=True)
class LastPaidClick(TouchRule):
    """All to the last touch of a paid channel; without one, as last non-direct does.

    Attributes:
        paid_channels: names of the channels that cost money per touch; compared without regard to case.
        direct_channels: names that mean "came without a referrer", as in `LastNonDirect`.

    Source: Google Analytics' "paid channels last click", which falls back in the same order.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("last_paid_click")
    paid_channels: tuple[str, ...]
    direct_channels: tuple[str, ...] = ("direct",)

    def __post_init__(self) -> None:
        """Refuse a declaration that names nothing."""
        names: object = self.paid_channels
        if isinstance(names, str) or not names:
            raise InvalidInputError([f"paid_channels: {names!r} must be a tuple of names, at least one"])

    def touch_shares(self, paths: Paths) -> Floats:
        """1 for the last paid touch, else 0."""
        paid = np.array([is_one_of(channel, self.paid_channels) for channel in paths.channels], dtype=np.bool_)
        last = _last_touch(paths, paid)
        otherwise = LastNonDirect(direct_channels=self.direct_channels).touch_shares(paths)
        return np.where(np.repeat(last < 0, paths.lengths), otherwise, _all_to(paths, last[last >= 0]))


@dataclass(frozen=True)
class Linear(TouchRule):
    """The same to every touch: 1 / n. A channel touched twice gets two shares (as most tools do)."""

    name: ClassVar[NameWithParameters] = NameWithParameters("linear")

    def touch_shares(self, paths: Paths) -> Floats:
        """1 / length of the path."""
        return np.repeat(1 / paths.lengths, paths.lengths)


@dataclass(frozen=True)
class LinearPerChannel(TouchRule):
    """The same to every distinct channel of the path, 1 / m; a channel's touches split its part equally.

    This is linear over unique channels, and by Zhao's identity the Shapley value on counts (see `Shapley`).
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("linear_per_channel")

    def touch_shares(self, paths: Paths) -> Floats:
        """1 / (distinct channels of the path × touches of this channel in it)."""
        key = paths.path_of_touch * max(len(paths.channels), 1) + paths.codes
        _, first, cell, touches = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        distinct = sum_by(paths.path_of_touch[first], np.ones(len(first)), len(paths))
        shares: Floats = 1 / (distinct[paths.path_of_touch] * touches[cell])
        return shares


def _last_touch(paths: Paths, eligible: Bools) -> Ints:
    """The last touch of each path by an eligible channel [n_paths], -1 where there is none."""
    place = np.where(eligible[paths.codes], np.arange(len(paths.codes)), -1)
    return np.maximum.reduceat(place, paths.offsets[:-1]) if len(paths) else place


def _all_to(paths: Paths, touch: Ints) -> Floats:
    shares = np.zeros(len(paths.codes))
    shares[touch] = 1
    return shares
