"""The sets of channels behind paths, with their conversions, and models that see a path as such a set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attribution.credit import Credit
from attribution.paths.paths import Paths
from attribution.paths.ragged import Bools, Floats, Ints, sum_by
from cpalab.refusal import InvalidInputError


@dataclass(frozen=True, eq=False)
class ChannelSets:
    """The distinct sets of channels of all paths, without order or repeats.

    Attributes:
        channels: channel names [n_channels].
        members: which channels are in each set [n_sets, n_channels].
        set_of_path: the set of every path [n_paths].
        conversions: conversions of each set [n_sets].
        value_micros: their value in micros [n_sets].
        nulls: journeys of each set that did not convert [n_sets].
    """

    channels: tuple[str, ...]
    members: Bools
    set_of_path: Ints
    conversions: Floats
    value_micros: Floats
    nulls: Floats

    @staticmethod
    def of_paths(paths: Paths) -> ChannelSets:
        """Group paths by their set of channels."""
        present = np.zeros((len(paths), len(paths.channels)), dtype=np.bool_)
        present[paths.path_of_touch, paths.codes] = True
        bits = np.packbits(present, axis=1)
        rows = np.ascontiguousarray(bits).view(f"V{max(bits.shape[1], 1)}").ravel() if bits.size else bits[:, :0]
        _, first, group = np.unique(rows, return_index=True, return_inverse=True, axis=0)
        group, sets = group.reshape(-1), len(first)
        return ChannelSets(
            channels=paths.channels,
            members=present[first],
            set_of_path=group,
            conversions=sum_by(group, paths.conversions, sets),
            value_micros=sum_by(group, paths.value_micros, sets),
            nulls=sum_by(group, paths.nulls, sets),
        )

    def require_nulls(self) -> None:
        """Refuse sets of which every journey converted: nothing tells what converts them.

        Raises:
            InvalidInputError: if there are conversions but no nulls.
        """
        if self.conversions.any() and not self.nulls.any():
            raise InvalidInputError(["paths: every journey converted; this model needs journeys that did not (nulls)"])

    def places_in(self, channels: Sequence[str]) -> Ints:
        """The place of each channel in another list of names, -1 if it is not there [n_channels]."""
        place = {name: code for code, name in enumerate(channels)}
        return np.array([place.get(name, -1) for name in self.channels], dtype=np.int64)


class FittedOnSets(ABC):
    """A fitted model that gives each channel of a path a share by the path's set of channels alone."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The method's name."""

    @abstractmethod
    def set_shares(self, sets: ChannelSets) -> Floats:
        """The share of each set's conversions that each channel gets [n_sets, n_channels].

        Channels outside a set get 0; what a set's shares leave of 1 is baseline.
        """

    def credit(self, paths: Paths) -> Credit:
        """Each channel's conversions and value: the sum over sets of share × conversions."""
        sets = ChannelSets.of_paths(paths)
        shares = self.set_shares(sets)
        left = 1 - shares.sum(axis=1)
        left[np.abs(left) < 1e-12] = 0  # shares that sum to 1 leave rounding only, which is not a baseline
        return Credit.of_paths(
            self.name,
            paths,
            conversions=sets.conversions @ shares,
            value_micros=sets.value_micros @ shares,
            baseline_conversions=float(sets.conversions @ left),
            baseline_value_micros=float(sets.value_micros @ left),
        )

    def touch_shares(self, paths: Paths) -> Floats:
        """The share of its path that each touch gets [n_touches]: its channel's, in equal parts."""
        sets = ChannelSets.of_paths(paths)
        cell = paths.path_of_touch * max(len(paths.channels), 1) + paths.codes
        _, same, touches = np.unique(cell, return_inverse=True, return_counts=True)
        path_set = sets.set_of_path[paths.path_of_touch]
        shares: Floats = self.set_shares(sets)[path_set, paths.codes] / touches[same]
        return shares


def equal_shares(members: Bools) -> Floats:
    """1 / m for every one of the m channels of a set [n_sets, n_channels]."""
    shares: Floats = members / members.sum(axis=1, keepdims=True)
    return shares
