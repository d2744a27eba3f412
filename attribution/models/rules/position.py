"""Position based rules (U, W, J, inverse J and any weights): the first, central and last touch by weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attribution.models.rules.rules import TouchRule
from attribution.paths.paths import Paths
from attribution.paths.ragged import Floats
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError


@dataclass(frozen=True)
class PositionBased(TouchRule):
    """Fixed weights to the first, the central and the last touch; the rest in equal parts to the others.

    The central touch of a path of even length are its two central ones, which share its weight. What a path
    is too short for (the rest with one or two touches, the central weight with two) goes in equal parts to
    its touches: with the default, one touch gets all and two get half each. (0, 0, 1) is last click.

    Attributes:
        first: weight of the first touch.
        central: weight of the touch in the middle, counted as one of the others where it is 0.
        last: weight of the last touch.

    Source: the 40/20/40 rule of Google Ads and Snowplow; in splitting what is left over, as most tools do.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("position_based")
    first: float = 0.4
    central: float = 0.0
    last: float = 0.4

    def __post_init__(self) -> None:
        """Refuse weights that are negative or above 1 together."""
        weights = {"first": self.first, "central": self.central, "last": self.last}
        problems = [
            f"{word}: {weight} must be a weight between 0 and 1"
            for word, weight in weights.items()
            if not 0 <= weight <= 1
        ]
        total = sum(weights.values())
        if not problems and total > 1 + 1e-12:
            problems.append(f"first, central, last: sum to {total:g}; at most 1, the others get the rest")
        if problems:
            raise InvalidInputError(problems)

    def touch_shares(self, paths: Paths) -> Floats:
        """The weight of the touch's position, plus its part of what is left over."""
        length = np.repeat(paths.lengths, paths.lengths)
        position = np.arange(len(paths.codes)) - np.repeat(paths.offsets[:-1], paths.lengths)
        is_first, is_last = position == 0, position == length - 1
        is_central = (np.abs(2 * position - (length - 1)) <= 1) & (length > 2) & (self.central > 0)
        central = self.central * is_central / np.where(length % 2 == 0, 2, 1)
        weight = self.first * is_first + central + self.last * is_last
        is_other = ~(is_first | is_last | is_central)
        path = paths.path_of_touch
        others = np.bincount(path, weights=is_other, minlength=len(paths))[path]
        left = 1 - np.bincount(path, weights=weight, minlength=len(paths))[path]
        shares: Floats = weight + left * np.where(others > 0, is_other / np.maximum(others, 1), 1 / length)
        return shares


@dataclass(frozen=True)
class WShaped(PositionBased):
    """30 % each to the first, central and last touch, 10 % to the others.

    Sales tools put the central weight on the touch that made the lead. Paths do not tell it, so the middle
    of the path stands for it, as in web analytics.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("w_shaped")
    first: float = 0.3
    central: float = 0.3
    last: float = 0.3


@dataclass(frozen=True)
class JShaped(PositionBased):
    """20 % to the first touch, 60 % to the last, 20 % to the others (Adobe Analytics' J curve)."""

    name: ClassVar[NameWithParameters] = NameWithParameters("j_shaped")
    first: float = 0.2
    last: float = 0.6


@dataclass(frozen=True)
class InverseJShaped(PositionBased):
    """60 % to the first touch, 20 % to the last, 20 % to the others (Adobe Analytics' inverse J)."""

    name: ClassVar[NameWithParameters] = NameWithParameters("inverse_j_shaped")
    first: float = 0.6
    last: float = 0.2
