"""What models learnt, as tables: removal effects, transitions, and the worth of every set of channels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cpalab.micros import MICROS

if TYPE_CHECKING:
    import pandas as pd

    from attribution.model import AttributionModel
    from attribution.paths.paths import Paths


def details_of(models: Sequence[AttributionModel], paths: Paths) -> Iterator[tuple[str, pd.DataFrame]]:
    """A name and a table for everything that the fitted models can show, and the sets of channels behind them.

    A fitted model's own table bears its name (`markov.csv`: the removal effect of every channel); `-transitions` is its
    chain in long form; `coalitions` are the distinct sets of channels with what they converted, and their worth in the games
    of `shapley` (conversions that need no channel outside the set).
    """
    for model in models:
        fitted: Any = model.fit(paths)
        fitted = getattr(fitted, "fitted", fitted)  # a model that rescales another shows that one's
        name = re.sub(r"[^\w.=,-]+", "_", str(model.name)).strip("_")
        if callable(getattr(fitted, "to_frame", None)):
            yield name, fitted.to_frame()
        chain = getattr(fitted, "markov", fitted)
        if callable(getattr(chain, "transitions", None)):
            yield f"{name}-transitions", chain.transitions()
    yield "coalitions", coalitions(paths)


def coalitions(paths: Paths) -> pd.DataFrame:
    """One row per set of channels: `channels, conversions, value, nulls, conversion_rate, worth`.

    worth(S) = conversions of journeys whose channels all are in S.
    """
    import numpy as np
    import pandas as pd

    from attribution.models.shapley.channel_sets import ChannelSets

    sets = ChannelSets.of_paths(paths)
    members = sets.members.astype(np.float32)
    sizes = members.sum(axis=1)
    worth = np.array(
        [sets.conversions[(members @ row) >= sizes].sum() for row in members] if len(sizes) <= MOST_SETS else []
    )
    names = np.array(sets.channels, dtype=object)
    journeys = sets.conversions + sets.nulls
    frame = pd.DataFrame(
        {
            "channels": [" + ".join(names[row]) for row in sets.members],
            "conversions": sets.conversions,
            "value": sets.value_micros / MICROS,
            "nulls": sets.nulls,
            "conversion_rate": np.divide(
                sets.conversions, journeys, out=np.full(len(journeys), np.nan), where=journeys > 0
            ),
        }
    )
    if len(worth):
        frame["worth"] = worth
    return frame.sort_values("conversions", ascending=False, ignore_index=True)


MOST_SETS = 5_000
