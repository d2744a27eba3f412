"""`Journeys`: the touches of every conversion (and of every journey without one), with their age in days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from attribution.paths.ragged import Bools, Codes, Floats, Ints, offsets_of, row_of


@dataclass(frozen=True, eq=False)
class Journeys:
    """Journeys, touch by touch; journey `j` has the touches `offsets[j]:offsets[j + 1]`, oldest first.

    Attributes:
        channels: channel names [n_channels], in alphabetical order.
        offsets: where each journey's touches start [n_journeys + 1]; a conversion without any touch has none.
        channel: channel code of every touch [n_touches].
        view: whether the touch is a view [n_touches].
        touch_row: row of the touch in the table of touches [n_touches].
        age_days: days from the touch to the end of its journey [n_touches].
        conversion_row: row in the table of conversions, -1 for a journey that did not convert [n_journeys].
        person: number of the person [n_journeys]; one person's journeys stand together.
        weight: how often the journey counts [n_journeys]: 1, or the draws of a bootstrap.
        value_micros: value of the conversion in micros [n_journeys].
        follow_up_days: days from the end of the journey to the end of observation [n_journeys].
    """

    channels: tuple[str, ...]
    offsets: Ints
    channel: Codes
    view: Bools
    touch_row: Ints
    age_days: Floats
    conversion_row: Ints
    person: Codes
    weight: Floats
    value_micros: Ints
    follow_up_days: Floats

    def __len__(self) -> int:
        """The number of journeys."""
        return len(self.conversion_row)

    @property
    def converted(self) -> Bools:
        """Whether each journey ends in a conversion [n_journeys]."""
        return self.conversion_row >= 0

    @property
    def people(self) -> int:
        """How many people have at least one journey."""
        return int(self.person[-1]) + 1 if len(self) else 0

    @property
    def journey(self) -> Ints:
        """The journey of every touch [n_touches]."""
        return row_of(self.offsets)

    def resampled(self, rng: np.random.Generator) -> Journeys:
        """As many people drawn with replacement, as weights of their journeys.

        A journey that counts several times (of a counted path) is that of as many people.
        """
        if self.people == len(self) and len(self) and (self.weight != 1).any():
            total = float(self.weight.sum())
            weight = rng.multinomial(round(total), self.weight / total) if total > 0 else self.weight
            return replace(self, weight=weight.astype(np.float64))
        draws = np.bincount(rng.integers(self.people, size=self.people), minlength=self.people)
        return replace(self, weight=self.weight * draws[self.person])

    @staticmethod
    def merge(parts: Sequence[Journeys], channels: tuple[str, ...], codes: Sequence[Codes]) -> Journeys:
        """The journeys of shards of different people; `codes[i]` recodes the channels of part `i`.

        Row numbers stay those of each part's own tables.
        """
        people = offsets_of(np.array([part.people for part in parts]))
        return Journeys(
            channels=channels,
            offsets=offsets_of(np.concatenate([np.diff(part.offsets) for part in parts])),
            channel=np.concatenate([code[part.channel] for part, code in zip(parts, codes, strict=True)]),
            view=np.concatenate([part.view for part in parts]),
            touch_row=np.concatenate([part.touch_row for part in parts]),
            age_days=np.concatenate([part.age_days for part in parts]),
            conversion_row=np.concatenate([part.conversion_row for part in parts]),
            person=np.concatenate([p.person + np.int32(n) for p, n in zip(parts, people[:-1], strict=True)]),
            weight=np.concatenate([part.weight for part in parts]),
            value_micros=np.concatenate([part.value_micros for part in parts]),
            follow_up_days=np.concatenate([part.follow_up_days for part in parts]),
        )
