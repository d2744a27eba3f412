"""Platform self-attribution: the conversions each ad platform claims by its windows and its touches alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np

from attribution.credit import Credit
from attribution.models.regression.journey_shares import journeys_of
from attribution.paths.journeys import Journeys
from attribution.paths.paths import Paths
from attribution.paths.ragged import Bools, Floats, Ints, sum_by
from attribution.paths.settings import PathSettings, is_one_of
from cpalab.plugins import NameWithParameters
from cpalab.refusal import InvalidInputError


@dataclass(frozen=True)
class PlatformClaims:
    """claims_c = conversions whose last eligible click (else view) on the platform of c was one of c.

    A click is eligible for so many days, a view for fewer, both edges included; within a platform a click
    beats any view. Platforms do not see each other, so one conversion may be claimed several times: the
    claims add up to more than the conversions, and the credit's duplicates say by how much. A conversion no
    platform claims is unattributed.

    Views, and touches before another conversion, have to be in the paths: build them with `path_settings()`.

    Attributes:
        click_days: the window of clicks.
        view_days: the window of views.
        channel_click_days: the window of clicks of single channels, where it differs.
        channel_view_days: the window of views of single channels, where it differs.
        platform_of: the platform of each channel that belongs to one; others claim nothing. By default every
            channel but the direct ones is a platform of its own.
        direct_channels: names that mean "came without a referrer"; compared without regard to case.

    Source: the rules of the large ad platforms (click 7 days, view 1 day at the largest social network);
    click beats view: W3C attribution reporting.
    """

    name: ClassVar[NameWithParameters] = NameWithParameters("platform")
    click_days: float = 7.0
    view_days: float = 1.0
    channel_click_days: Mapping[str, float] = field(default_factory=dict)
    channel_view_days: Mapping[str, float] = field(default_factory=dict)
    platform_of: Mapping[str, str] | None = None
    direct_channels: tuple[str, ...] = ("direct",)

    def __post_init__(self) -> None:
        """Refuse windows that are none."""
        windows = {
            "click_days": self.click_days,
            "view_days": self.view_days,
            **{f"channel_click_days[{name!r}]": days for name, days in self.channel_click_days.items()},
            **{f"channel_view_days[{name!r}]": days for name, days in self.channel_view_days.items()},
        }
        problems = [
            f"{place}: {days} must be a number of days, zero or more; math.inf means no limit"
            for place, days in windows.items()
            if math.isnan(days) or days < 0
        ]
        if problems:
            raise InvalidInputError(problems)

    def path_settings(self) -> PathSettings:
        """Settings that leave every touch a platform could claim in the paths."""
        return PathSettings(
            lookback_days=max([self.click_days, *self.channel_click_days.values()]),
            view_lookback_days=max([self.view_days, *self.channel_view_days.values()]),
            touches="clicks_and_views",
            click_beats_view=False,
            after_conversion="touches_shared",
            direct_channels=self.direct_channels,
        )

    def fit(self, paths: Paths) -> Self:  # noqa: ARG002 - the contract's signature
        """The rule itself."""
        return self

    def credit(self, paths: Paths) -> Credit:
        """Every channel's claims, and how many conversions were claimed more than once.

        Raises:
            InvalidInputError: if the paths hold counts only, without times.
        """
        journeys = journeys_of(paths)
        claiming = self._claiming_touches(journeys)
        won = journeys.converted * journeys.weight
        worth = won * journeys.value_micros
        journey, channel = journeys.journey[claiming], journeys.channel[claiming]
        claims = np.bincount(journey, minlength=len(journeys))
        with_touch = np.diff(journeys.offsets) > 0
        nobody, too_often = with_touch & (claims == 0), np.maximum(claims - 1, 0)
        credit = Credit.of_paths(
            self.name,
            paths,
            conversions=sum_by(channel, won[journey], len(paths.channels)),
            value_micros=sum_by(channel, worth[journey], len(paths.channels)),
        )
        return replace(
            credit,
            unattributed_conversions=credit.unattributed_conversions + float(won @ nobody),
            unattributed_value_micros=credit.unattributed_value_micros + float(worth @ nobody),
            duplicate_conversions=float(won @ too_often),
            duplicate_value_micros=float(worth @ too_often),
        )

    def _claiming_touches(self, journeys: Journeys) -> Ints:
        """The touch with which each platform claims each journey."""
        platform = self._platforms(journeys.channels)[journeys.channel]
        click, view = self._windows(journeys.channels)
        window = np.where(journeys.view, view[journeys.channel], click[journeys.channel])
        eligible = np.flatnonzero((journeys.age_days <= window) & (platform >= 0))
        journey, platform = journeys.journey[eligible], platform[eligible]
        is_click: Bools = ~journeys.view[eligible]
        order = np.lexsort((eligible, is_click, platform, journey))
        last = np.ones(len(order), dtype=np.bool_)
        last[:-1] = (np.diff(journey[order]) != 0) | (np.diff(platform[order]) != 0)
        return np.sort(eligible[order[last]])

    def _windows(self, channels: tuple[str, ...]) -> tuple[Floats, Floats]:
        click = [self.channel_click_days.get(name, self.click_days) for name in channels]
        view = [self.channel_view_days.get(name, self.view_days) for name in channels]
        return np.array(click, dtype=np.float64), np.array(view, dtype=np.float64)

    def _platforms(self, channels: tuple[str, ...]) -> Ints:
        """A number for the platform of each channel [n_channels], -1 where it has none."""
        if self.platform_of is None:
            return np.array(
                [-1 if is_one_of(name, self.direct_channels) else i for i, name in enumerate(channels)],
                dtype=np.int64,
            )
        names = sorted(set(self.platform_of.values()))
        number = {name: names.index(platform) for name, platform in self.platform_of.items()}
        return np.array([number.get(name, -1) for name in channels], dtype=np.int64)
