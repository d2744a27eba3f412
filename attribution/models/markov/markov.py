"""Markov removal effects, exactly: the share of conversions lost if journeys stop at a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.credit import Credit
from attribution.models.markov.markov_chain import Chain
from attribution.paths.paths import SEPARATOR, Paths
from attribution.paths.ragged import Floats
from cpalab.refusal import InvalidInputError
from cpalab.result import Result

if TYPE_CHECKING:
    import pandas as pd

START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"


@dataclass(frozen=True)
class Markov:
    """credit(c) = conversions × removal_effect(c) / Σ removal_effect.

    removal_effect(c) = 1 - P_without(c) / P_with; P is the probability of conversion in the chain fitted
    to all journeys, non-converting ones included. It is solved exactly (no random walks). For value, P is the
    expected value per journey. Removal redirects every transition into the channel to "no conversion".
    Transitions of a channel to itself are kept; effects do not depend on them.

    Attributes:
        order: how many of the latest touches the next step depends on.

    Source: Anderl, Becker, von Wangenheim & Schumann (2016), Mapping the customer journey, Int. J. of
    Research in Marketing 33(3), sections 3.2 and 3.3.
    """

    order: int = 1

    def __post_init__(self) -> None:
        """Refuse an order below 1."""
        if self.order < 1:
            raise InvalidInputError([f"order: {self.order} must be at least 1, the latest touch"])

    @property
    def name(self) -> str:
        """`markov`, with the order where it is not 1."""
        return "markov" if self.order == 1 else f"markov_{self.order}"

    def fit(self, paths: Paths) -> FittedMarkov:
        """Estimate the chain and solve for every removal effect."""
        chain = Chain.of_paths(paths, self.order)
        total, without = chain.outcome_without()
        lost = total - without
        # A channel that loses nothing loses exactly nothing; what rounding leaves of it is not an effect.
        effects = np.divide(lost, total, out=np.zeros_like(lost), where=lost > 1e-12 * total)
        return FittedMarkov(self.name, chain, float(total[0]), effects[:, 0], effects[:, 1])


@dataclass(frozen=True, eq=False)
class FittedMarkov(Result):
    """The fitted chain and its removal effects.

    Attributes:
        name: the method's name.
        chain: the chain, with every transition probability.
        conversion_probability: P(conversion) of a journey with all channels.
        removal_effect: share of conversions lost without each channel [n_channels]; they sum to 1 or more.
        removal_effect_on_value: share of value lost without each channel [n_channels].
    """

    name: str
    chain: Chain
    conversion_probability: float
    removal_effect: Floats
    removal_effect_on_value: Floats

    def credit(self, paths: Paths) -> Credit:
        """Hand out the conversions and value of `paths` in proportion to the removal effects.

        Raises:
            InvalidInputError: if there are conversions to credit, but none of their channels had an effect
                when fitted.
        """
        return proportional_credit(self.name, self.chain, paths, self.removal_effect, self.removal_effect_on_value)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, removal_effect, removal_effect_on_value`, not normalised."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel": self.chain.channels,
                "removal_effect": self.removal_effect,
                "removal_effect_on_value": self.removal_effect_on_value,
            }
        )

    def transitions(self, *, self_loops: bool = True) -> pd.DataFrame:
        """The transition matrix in long form: `from, to, probability`, states by their touches.

        Without `self_loops`, transitions of a state to itself are dropped and its others rescaled to sum to
        1.
        """
        import pandas as pd

        chain = self.chain
        names = np.array(
            [SEPARATOR.join(chain.channels[c] for c in state[::-1] if c >= 0) for state in chain.touches],
            dtype=object,
        )
        frame = pd.concat(
            [
                pd.DataFrame({"from": START, "to": names, "probability": chain.start}),
                pd.DataFrame(
                    {"from": names[chain.source], "to": names[chain.target], "probability": chain.probability}
                ),
                pd.DataFrame({"from": names, "to": CONVERSION, "probability": chain.conversion}),
                pd.DataFrame({"from": names, "to": NULL, "probability": chain.null}),
            ],
            ignore_index=True,
        )
        frame = frame[frame["probability"] > 0]
        if not self_loops:
            frame = frame[frame["from"] != frame["to"]]
            frame = frame.assign(
                probability=frame["probability"] / frame.groupby("from")["probability"].transform("sum")
            )
        return frame.reset_index(drop=True)

    def summary(self) -> str:
        """P(conversion) and the channel that would be missed most."""
        text = f"A journey converts with probability {self.conversion_probability:.4g}"
        if not self.removal_effect.any():
            return text + "."
        top = int(np.argmax(self.removal_effect))
        lost = f"{self.removal_effect[top]:.1%} of conversions"
        return f"{text}; without {self.chain.channels[top]}, {lost} would be lost."


def proportional_credit(name: str, chain: Chain, paths: Paths, effect: Floats, effect_on_value: Floats) -> Credit:
    """Hand out the conversions and value of `paths` in proportion to effects [n_channels of the chain].

    A channel that the chain has not seen gets nothing.

    Raises:
        InvalidInputError: if there are conversions to credit, but none of their channels has an effect.
    """
    place = {channel: code for code, channel in enumerate(chain.channels)}
    known = np.array([place.get(channel, -1) for channel in paths.channels], dtype=np.int64)
    return Credit.of_paths(
        name,
        paths,
        conversions=handed_out(paths.conversions.sum(), np.append(effect, 0)[known]),
        value_micros=handed_out(paths.value_micros.sum(), np.append(effect_on_value, 0)[known]),
    )


def handed_out(total: float, effect: Floats) -> Floats:
    """Total × effect / Σ effect.

    Raises:
        InvalidInputError: if there is something to hand out and all effects are 0.
    """
    if total == 0:
        return np.zeros(len(effect))
    if not effect.any():
        raise InvalidInputError(["paths: no channel with conversions was seen when fitting; fit on paths that convert"])
    share: Floats = effect / effect.sum()
    return float(total) * share
