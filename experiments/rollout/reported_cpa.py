"""Cells: what each system shows of each channel, whole or part by part (actions; value and cost in currency).

A part is one value of a dimension (one device, one segment …) or one day of the period, counted from 1.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from attribution.costs.cpa import attributed_cpa
from cpalab.micros import MICROS
from experiments.comparison.five_cpas import cost_events
from simulator.record.record import Record
from simulator.world import World

Floats = npt.NDArray[np.float64]
SYSTEMS = ("platform", "analytics", "crm")
ALL = "all"
Split = Literal["device", "browser", "geo", "segment", "campaign", "day"]
SPLITS: tuple[Split, ...] = get_args(Split)
COLUMNS = ("user_id", "cost_micros", "fee")


@dataclass(frozen=True)
class Key:
    """One channel (or `all` paid ones) in one system; `part` is empty for the whole."""

    channel: str
    system: str
    part: str = ""


@dataclass(frozen=True)
class ClaimedByPerson:
    """Actions per person: user numbers, rising, and how much of what is claimed is theirs."""

    user: npt.NDArray[np.int64]
    amount: Floats

    @property
    def total(self) -> float:
        """Of all people."""
        return float(self.amount.sum())


@dataclass(frozen=True)
class ReportedCpas:
    """What a period showed, for each channel and system: actions and value per person, and cost."""

    actions: Mapping[Key, ClaimedByPerson]
    value: Mapping[Key, ClaimedByPerson]
    cost: Mapping[Key, float]

    def cpa(self, key: Key) -> float:
        """Cost per action: nan where nothing was counted, or nothing paid."""
        return attributed_cpa(self.cost[key], self.actions[key].total)

    def roas(self, key: Key) -> float:
        """Value over cost: nan where nothing was spent."""
        return self.value[key].total / self.cost[key] if self.cost[key] > 0 else math.nan


def whole_keys(channels: Sequence[str]) -> tuple[Key, ...]:
    """Every channel in every system."""
    return tuple(Key(channel, system) for channel in channels for system in SYSTEMS)


@dataclass(frozen=True)
class Spending:
    """What a world charged, in the parts of a split.

    Attributes:
        split: the dimension whose values the parts are; None where there are wholes only.
        charged: (channel, part) → cost in micros, but for fees; fees: channel → those, as the world charged them.
        variance: of the logarithm of each cost over people, at the volume simulated.
    """

    split: Split | None
    charged: Mapping[tuple[str, str], int]
    fees: Mapping[str, int]
    variance: Mapping[Key, float]


def spending(world: World, keys: Sequence[Key], split: Split | None = None) -> Spending:
    """What the world charged under these keys."""
    paid = world.scenario.paid_channels()
    spent = cost_events(world, "campaign" if split is None else split).set_axis(["channel", "part", *COLUMNS], axis=1)
    spent = spent[spent["channel"].isin(paid)]
    spent["part"] = "" if split is None else spent["part"].astype(str)
    own, fees = spent[~spent["fee"]], spent[spent["fee"]]
    charged: dict[Any, int] = own.groupby(["channel", "part"])["cost_micros"].sum().to_dict()
    owed: dict[Any, int] = fees.groupby("channel")["cost_micros"].sum().to_dict()
    variance = {}
    for channel, part in {(key.channel, key.part) for key in keys}:
        rows = spent if channel == ALL else spent[spent["channel"] == channel]
        rows = rows[rows["part"] == part] if part else rows
        person = rows.groupby("user_id")["cost_micros"].sum().to_numpy() / MICROS
        total = float(person.sum())
        variance[channel, part] = float(np.sum(person**2)) / total**2 if total > 0 else 0.0
    return Spending(split, charged, owed, {key: variance[key.channel, key.part] for key in keys})


def reported_cpas(world: World, found: Record, keys: Sequence[Key], spent: Spending) -> ReportedCpas:
    """What a record of a world shows under these keys."""
    paid = world.scenario.paid_channels()
    claims = found.claims
    system, channel = (claims[name].cast(pa.string()).to_numpy(zero_copy_only=False) for name in ("system", "channel"))
    user = claims["user_id"].to_numpy().astype(np.int64)
    actions = claims["conversions"].to_numpy() + claims["modelled"].to_numpy()
    value = claims["value_micros"].to_numpy() / MICROS
    part = _part_of_claims(claims, spent.split)
    of_channel = {name: channel == name for name in paid} | {ALL: np.isin(channel, paid)}
    of_system = {name: system == name for name in SYSTEMS}
    by_person: dict[Key, tuple[ClaimedByPerson, ClaimedByPerson]] = {}
    for key in keys:
        rows = of_channel[key.channel] & of_system[key.system]
        if key.part:
            rows &= part == key.part
        people, place = np.unique(user[rows], return_inverse=True)
        both = (np.bincount(place, weights=amount[rows], minlength=len(people)) for amount in (actions, value))
        by_person[key] = tuple(ClaimedByPerson(people, amount.astype(np.float64)) for amount in both)  # type: ignore[assignment]  # two of them
    return ReportedCpas(
        {key: both[0] for key, both in by_person.items()},
        {key: both[1] for key, both in by_person.items()},
        _costs(found, keys, spent, paid),
    )


def _part_of_claims(claims: pa.Table, split: Split | None) -> Any:
    if split is None:
        return np.full(claims.num_rows, "", object)
    if split == "day":
        return (np.floor(claims["booked"].to_numpy()).astype(np.int64) + 1).astype(str).astype(object)
    return claims[split].cast(pa.string()).to_numpy(zero_copy_only=False)


def _costs(found: Record, keys: Sequence[Key], spent: Spending, paid: Sequence[str]) -> dict[Key, float]:
    """Cost in currency: the whole is what is paid under this record; a part is what was charged there, fees as claimed.

    Robots' clicks belong to nobody's part: they are spread over a channel's parts as its other costs are.
    """
    claims = found.claims.filter(pc.not_equal(found.claims["fee_micros"], 0))
    place = zip(claims["channel"].cast(pa.string()).to_pylist(), _part_of_claims(claims, spent.split), strict=True)
    owed: Counter[tuple[str, str]] = Counter()
    for where, fee in zip(place, claims["fee_micros"].to_pylist(), strict=True):
        owed[where] += fee
    parts: dict[tuple[str, str], float] = defaultdict(float)
    result = {}
    for channel in paid:
        own = sum(cost for (name, _), cost in spent.charged.items() if name == channel)
        fees = sum(fee for (name, _), fee in owed.items() if name == channel)
        robots = found.billing_micros.get(channel, 0) - fees + spent.fees.get(channel, 0)
        grown = 1.0 + robots / own if own else 1.0
        for (name, part), cost in spent.charged.items():
            if name == channel:
                parts[channel, part] += cost * grown
    for where, fee in owed.items():
        parts[where] += fee
    for key in keys:
        chosen = paid if key.channel == ALL else [key.channel]
        micros = sum(parts[channel, key.part] if key.part else found.cost_micros.get(channel, 0) for channel in chosen)
        result[key] = micros / MICROS
    return result
