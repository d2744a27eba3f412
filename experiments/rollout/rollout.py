"""Rollout: the shift of each channel's CPA in each system that a planned change must bring, and which shift would mean a bug.

The world is frozen: today's and tomorrow's record look at the same events, so the expected multiplier has no noise of a
second sample in it. Intervals hold what the user's own market may show, given the few people simulated.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Annotated

import numpy as np
import pandas as pd

from cpalab import __version__
from cpalab.arguments import Between, Count, checked
from cpalab.micros import MICROS
from cpalab.refusal import ScenarioError
from cpalab.result import Result
from experiments.comparison.by_day import cpa_by_week
from experiments.rollout.change_file import Plan, PlannedChange, apply
from experiments.rollout.contract import Contract, ContractRow, Metric, normal_quantile
from experiments.rollout.paired_ratio import paired_interval, paired_variance, prior_variance
from experiments.rollout.reported_cpa import (
    ALL,
    SYSTEMS,
    ClaimedByPerson,
    Floats,
    Key,
    ReportedCpas,
    Spending,
    reported_cpas,
    spending,
    whole_keys,
)
from experiments.truth.effects import measure_truth
from experiments.truth.order_labels import OrderLabels
from simulator.record.record import Record, record
from simulator.scenario.schema import Scenario
from simulator.storage import fingerprint
from simulator.world import World, simulate_again

BILLING = "billing"
REPLICATES = 400
LEVEL = 0.95
FAULT_SIZE = 0.2
FaultSize = Annotated[float, Between(0.01, 0.95)]
POWER = 0.8
FEWEST_UNMOVED = 25  # actions of a system fewer than this cannot show that a change leaves a system alone


@dataclass(frozen=True)
class CpaShift:
    """One channel in one system (channel `all`: every paid channel).

    Attributes:
        channel, system: which.
        cpa_today, cpa_tomorrow: cost per action, in currency, before and after the change; nan where none is counted or
            nothing is paid.
        roas_today, roas_tomorrow: reported value over cost.
        lower, upper: 95 % interval of the multiplier that the user's market shows (`paired_interval`); nan where there is
            no multiplier.
        alert_lower, alert_upper: what a comparison of two periods of the run's length will show if the change is all
            there is; the whole table leaves its band once in twenty rollouts. Outside of it, suspect a bug.
        parallel_days: days for which both records must run side by side to see a fault that loses a share
            `fault_size` of the actions (power 80 %).
        parts: multiplicative factors per change (Shapley); they multiply to the multiplier.
        bands: of CPA and ROAS, with the noise that they are made of, for a contract.
    """

    channel: str
    system: str
    cpa_today: float
    cpa_tomorrow: float
    roas_today: float
    roas_tomorrow: float
    lower: float
    upper: float
    alert_lower: float
    alert_upper: float
    parallel_days: float
    parts: Mapping[str, float]
    bands: tuple[ContractRow, ...] = ()

    @property
    def multiplier(self) -> float:
        """CPA tomorrow over CPA today; nan where one of them does not exist."""
        defined = math.isfinite(self.cpa_today) and math.isfinite(self.cpa_tomorrow) and self.cpa_today > 0
        return self.cpa_tomorrow / self.cpa_today if defined else math.nan

    @property
    def roas_multiplier(self) -> float:
        """ROAS tomorrow over ROAS today."""
        return self.roas_tomorrow / self.roas_today if self.roas_today > 0 else math.nan


@dataclass(frozen=True)
class Verification:
    """What a second simulation under the changed tracking showed: everything real is the same, event for event.

    Attributes:
        events: whether the event logs are bit-identical; orders: how many there are.
        labels: whether every order has the same label (always, caused, moved) in both.
        incremental: whether incremental conversions and value are the same for every channel.
        fingerprint: SHA-256 of the log.
    """

    events: bool
    labels: bool
    incremental: bool
    orders: int
    fingerprint: str

    @property
    def passed(self) -> bool:
        """Whether everything is the same."""
        return self.events and self.labels and self.incremental


@dataclass(frozen=True)
class Rollout(Result):
    """What to expect of a planned change.

    Attributes:
        plan: what changes.
        shifts: per channel and system.
        billing_micros: per channel, what is paid more because fees follow the record; empty if nothing is.
        verification: None where the change is meant to change the world.
        days: length of each of the two periods.
        fault_size: the fault that `parallel_days` are for, a share of the actions.
        scenario_mark: SHA-256 of the scenario.
        people: size of the market that intervals, bands and days hold for; a large one narrows intervals and bands only
            down to what the people simulated leave open.
        delivery_held: whether delivery, or a process, follows the record in this scenario and was nevertheless held.
        weeks: CPA by week, columns of `cpa_by_week` and `tracking`: today, then tomorrow.

    Example:
        >>> from cpalab import load_plan, load_scenario, roll_out, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> change = {"name": "cleaned UTMs", "set": {"tracking.transport.utm_loss": 0.0}}
        >>> plan = load_plan({"changes": [change]}, world.scenario)
        >>> rollout = roll_out(world, plan, verify=False, replicates=20)
        >>> rollout.to_frame().columns.tolist()[:5]
        ['channel', 'system', 'cpa_today', 'cpa_tomorrow', 'multiplier']
    """

    plan: Plan
    shifts: tuple[CpaShift, ...]
    billing_micros: Mapping[str, int]
    verification: Verification | None
    days: float
    fault_size: float
    people: int
    scenario_mark: str = ""
    delivery_held: bool = False
    weeks: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def contract(self) -> Contract:
        """The bands that figures seen after the change must keep, as `cpalab check-rollout` reads them."""
        change = [(change.name, sorted(change.set.items(), key=str), change.real) for change in self.plan.changes]
        mark = hashlib.sha256(repr(change).encode()).hexdigest()
        rows = tuple(row for shift in self.shifts for row in shift.bands)
        return Contract(self.plan.title, LEVEL, self.days, self.people, self.scenario_mark, mark, __version__, rows)

    def shift(self, channel: str, system: str) -> CpaShift:
        """The shift of one channel in one system.

        Raises:
            KeyError: there is none.
        """
        for shift in self.shifts:
            if (shift.channel, shift.system) == (channel, system):
                return shift
        raise KeyError(f"no {system} of {channel}")

    def to_frame(self) -> pd.DataFrame:
        """One row per channel and system."""
        names = (
            "channel", "system", "cpa_today", "cpa_tomorrow", "multiplier", "lower", "upper", "alert_lower",
            "alert_upper", "roas_multiplier", "parallel_days",
        )  # fmt: skip
        rows = [
            {name: getattr(shift, name) for name in names} | {f"part: {part}": x for part, x in shift.parts.items()}
            for shift in self.shifts
        ]
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """The expected shift of the whole, what is verified, and what is paid."""
        lines = []
        factors = [factor for shift in self.shifts for factor in (shift.multiplier, shift.roas_multiplier)]
        if all(factor == 1.0 or math.isnan(factor) for factor in factors):
            lines.append("Nothing changes in any system: the scenario may be tracked like this already.")
        for system in SYSTEMS:
            shift = self.shift(ALL, system)
            lines.append(
                f"{system.replace('crm', 'CRM')}: CPA of all paid channels {_price(shift.cpa_today)} → "
                f"{_price(shift.cpa_tomorrow)}{_shift_in_words(shift)}, "
                f"ROAS {_price(shift.roas_today)} → {_price(shift.roas_tomorrow)}."
            )
        if self.verification is not None:
            lines.append(
                f"Real orders ({self.verification.orders:,}), their labels and incremental CPA are the same, event for event."
                if self.verification.passed
                else "The change moved real events: it is no change of tracking alone. This should not happen."
            )
        if self.delivery_held:
            lines.append(
                "The delivery of ads is held as it was, though it follows the record in this scenario, or processes do that "
                "act in its market: --with-delivery runs the world again under the changed tracking."
            )
        moved = sum(self.billing_micros.values()) / MICROS
        if moved:
            lines.append(f"Billing: fees that follow the record change what is paid by {moved:+z,.2f}.")
        return "\n".join(lines)


def _price(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else "–"


def _shift_in_words(shift: CpaShift) -> str:
    if math.isnan(shift.multiplier):
        return " (no shift can be told: nothing counted, or nothing paid)"
    band = f"suspect a bug below × {shift.alert_lower:.2f} or above × {shift.alert_upper:.2f}"
    return f" (× {shift.multiplier:.3f}; {band})"


@checked(ScenarioError)
def roll_out(
    world: World,
    plan: Plan,
    *,
    with_delivery: bool = False,
    verify: bool = True,
    people: Count | None = None,
    fault_size: FaultSize = FAULT_SIZE,
    replicates: Count = REPLICATES,
    threads: Count = 1,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Rollout:
    """Replay a frozen world under today's record and under tomorrow's.

    Args:
        world: what happened.
        plan: what changes; changes of the world are simulated again with the same draws.
        with_delivery: also simulate what the changes do to the delivery of ads, each as a part of its own: what a change's
            `delivery` says, and, where the scenario's delivery follows the record or processes act on it, what its tracking
            does to audiences, caps, optimised delivery and to what processes do.
        verify: simulate once more under the changed tracking and compare events, orders' labels and incremental
            effects; only where nothing real is meant to change.
        people: size of the user's own market, for intervals, bands and days; default: the people simulated.
        fault_size: share of actions lost by the fault that a parallel run shall show.
        replicates: of the bootstrap over people.
        threads: how many threads work; the numbers do not depend on it.
        progress: called with the name of a stage and the share of it that is done.

    Raises:
        ScenarioError: no people, replicates or threads, or a fault that loses nothing or everything; all at once.

    Example:
        >>> from cpalab import load_plan, load_scenario, roll_out, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> change = {"name": "cleaned UTMs", "set": {"tracking.transport.utm_loss": 0.0}}
        >>> plan = load_plan({"changes": [change]}, world.scenario)
        >>> rollout = roll_out(world, plan, verify=False, replicates=20)
        >>> [shift.system for shift in rollout.shifts]
        ['platform', 'analytics', 'crm', 'platform', 'analytics', 'crm']
    """
    players = [*plan.changes]
    follows = world.scenario.delivery.follows == "record" or bool(world.acting)
    deliveries = _deliveries(plan, follows=follows) if with_delivery else []
    channels = [*world.scenario.paid_channels(), ALL]
    keys = whole_keys(channels)
    spent = spending(world, keys)
    replays = _Replays(world, players, deliveries, keys, spent, threads)
    everyone = frozenset(range(len(players) + len(deliveries)))
    today, tomorrow = replays.view(frozenset()), replays.view(everyone)
    progress("replay", 0.2)
    volume = (people or world.scenario.run.users) / world.scenario.run.users
    noise = _Noise(today.seen, tomorrow.seen, spent, world, volume, replicates)
    has_billing = any(tomorrow.record.billing_micros[c] != today.record.billing_micros[c] for c in channels[:-1])
    labels = [change.name for change in players] + [f"delivery of {change.name}" for change in deliveries]
    parts = _shapley(replays, labels, keys, has_billing=has_billing)
    progress("replay", 0.7)
    shifts = [
        _shift(key, today.seen, tomorrow.seen, noise, parts, world.scenario.run.days, fault_size, len(keys))
        for key in keys
    ]
    real = (with_delivery and bool(deliveries)) or any(change.real for change in players)
    # Where delivery follows the record, running again under the changed tracking is another world, and meant to be.
    verification = _verify(world, apply(world.scenario, players), threads) if verify and not (real or follows) else None
    progress("replay", 1.0)
    billing = {
        channel: tomorrow.record.billing_micros[channel] - today.record.billing_micros[channel]
        for channel in channels[:-1]
    }
    return Rollout(
        plan,
        tuple(shifts),
        {c: m for c, m in billing.items() if m},
        verification,
        world.scenario.run.days,
        fault_size,
        people or world.scenario.run.users,
        hashlib.sha256(world.scenario.model_dump_json().encode()).hexdigest(),
        delivery_held=follows and not with_delivery,
        weeks=pd.concat([replays.weeks(frozenset(), "today"), replays.weeks(everyone, "tomorrow")], ignore_index=True),
    )


def _deliveries(plan: Plan, *, follows: bool) -> list[PlannedChange]:
    """What changes do to the delivery of ads: what each says itself, and all of the tracking where delivery follows it."""
    said = [change for change in plan.changes if change.delivery]
    tracking = {path: value for change in plan.changes if not change.real for path, value in change.set.items()}
    if follows and tracking:
        said.append(PlannedChange("all that is tracked", {}, delivery=tracking))
    return said


@dataclass(frozen=True)
class View:
    """A record and what it shows."""

    record: Record
    seen: ReportedCpas


class _Replays:
    """The record under every set of changes, made when asked for and kept; worlds are simulated only where they differ."""

    def __init__(
        self, world: World, players: list[PlannedChange], deliveries: list[PlannedChange], keys: Sequence[Key],
        spent: Spending, threads: int,
    ) -> None:  # fmt: skip
        self.keys, self.spent = keys, spent
        self.players, self.deliveries, self.threads = players, deliveries, threads
        self.base = world
        self.worlds: dict[frozenset[int], World] = {frozenset(): world}
        self.views: dict[frozenset[int], View] = {}

    def view(self, chosen: frozenset[int]) -> View:
        if chosen not in self.views:
            tracking = [change for i, change in enumerate(self.players) if i in chosen and not change.real]
            world = self._world(chosen)
            scenario = apply(world.scenario, tracking)
            found = record(world.with_scenario(scenario))
            self.views[chosen] = View(found, reported_cpas(world, found, self.keys, self.spent))
        return self.views[chosen]

    def weeks(self, chosen: frozenset[int], tracking: str) -> pd.DataFrame:
        return cpa_by_week(self._world(chosen), self.view(chosen).record).assign(tracking=tracking)

    def _world(self, chosen: frozenset[int]) -> World:
        n = len(self.players)
        real = frozenset(i for i in chosen if i >= n or self.players[i].real)
        if real not in self.worlds:
            changes = [self.players[i] for i in sorted(real) if i < n]
            delivery = [self.deliveries[i - n] for i in sorted(real) if i >= n]
            scenario = apply(self.base.scenario, changes, delivery=delivery)
            world = simulate_again(self.base, scenario, threads=self.threads)
            # Ads were delivered under this tracking; whether it also recorded is another part's matter.
            recorded = world.scenario.model_copy(update={"tracking": self.base.scenario.tracking})
            self.worlds[real] = world.with_scenario(recorded)
        return self.worlds[real]


def _shapley(
    replays: _Replays, labels: list[str], keys: Sequence[Key], *, has_billing: bool
) -> dict[str, Mapping[Key, float]]:
    """Each change's part in the logarithm of each CPA: its Shapley value over all orders of making the changes.

    The parts of a shift add up to the logarithm of its multiplier, exactly. Where fees follow the record, following them is
    one more player: without it, fees stay as they are under today's record.
    """
    names = [*labels, BILLING] if has_billing else labels
    n = len(names)
    empty = replays.view(frozenset())

    def log_cpa(chosen: frozenset[int]) -> Floats:
        view = replays.view(frozenset(i for i in chosen if i < len(labels)))
        pays = not has_billing or len(labels) in chosen
        values = []
        for key in keys:
            cost = view.seen.cost[key] if pays else _unbilled(view, empty, key)
            counted = view.seen.actions[key].total
            values.append(math.log(cost / counted) if cost > 0 and counted > 0 else math.nan)
        return np.array(values)

    worth = {
        frozenset(chosen): log_cpa(frozenset(chosen))
        for size in range(n + 1)
        for chosen in combinations(range(n), size)
    }
    parts = {}
    for i, name in enumerate(names):
        total = np.zeros(len(keys))
        for chosen, value in worth.items():
            if i not in chosen:
                weight = math.factorial(len(chosen)) * math.factorial(n - len(chosen) - 1) / math.factorial(n)
                total += weight * (worth[chosen | {i}] - value)
        parts[name] = dict(zip(keys, total.tolist(), strict=True))
    return parts  # type: ignore[return-value]  # a dict per name


def _unbilled(view: View, today: View, key: Key) -> float:
    """Cost of a channel if fees and robots' clicks stayed as they are under today's record."""
    billed, before = view.record.billing_micros, today.record.billing_micros
    chosen = billed if key.channel == ALL else [key.channel]
    return view.seen.cost[key] - sum(billed[channel] - before[channel] for channel in chosen) / MICROS


class _Noise:
    """How uncertain each shift is at the user's volume, by the people whose actions today's and tomorrow's record claim.

    A system in which not one action of any channel moved, of FEWEST_UNMOVED or more, is one that the change does not touch:
    its ratios are known. So is what is paid, as it came out for the people simulated.
    """

    def __init__(
        self, today: ReportedCpas, tomorrow: ReportedCpas, spent: Spending, world: World, volume: float, replicates: int
    ) -> None:
        self.volume, self.replicates, self.spending = volume, replicates, spent.variance
        self.today, self.tomorrow = today.actions, tomorrow.actions
        self.values = today.value, tomorrow.value
        self.rng = np.random.default_rng(world.scenario.run.seed)
        moved = {key.system for key in self.today if not _same_actions(self.today[key], self.tomorrow[key])}
        few = {key.system for key in self.today if key.channel == ALL and self.today[key].total < FEWEST_UNMOVED}
        self.touched = moved | few

    def interval(self, key: Key, cost_ratio: float) -> tuple[float, float]:
        """Of the multiplier: `paired_interval` at the user's volume, times the ratio of what is paid."""
        before, after = self.today[key], self.tomorrow[key]
        if key.system not in self.touched and before.total > 0:
            return cost_ratio, cost_ratio
        ends = paired_interval(before, after, self.volume, self.rng, level=LEVEL, replicates=self.replicates)
        return ends[0] * cost_ratio, ends[1] * cost_ratio

    def paired_variance_per_action(self, key: Key) -> float:
        """Variance of ln(today's actions / tomorrow's) for the same people, times the number of actions."""
        return paired_variance(self.today[key], self.tomorrow[key]) * self.today[key].total

    def row(self, key: Key, metric: Metric, expected: float, actions: tuple[float, float], rows: int) -> ContractRow:
        """What a comparison of two periods, each measured by itself, shows of a figure if the multiplier is all there is.

        Chance of both periods at the user's volume, and what the people simulated leave open about the multiplier itself.
        """
        before, after = (
            (self.today[key], self.tomorrow[key]) if metric == "cpa" else (self.values[0][key], self.values[1][key])
        )
        per_action = [
            float(np.sum(own.amount**2)) / max(own.total, 1e-9) ** 2 * count
            for own, count in zip((before, after), actions, strict=True)
        ]
        touched = key.system in self.touched or (metric == "roas" and not _same_actions(before, after))
        prior = prior_variance(self.today[key], self.tomorrow[key])
        unknown = paired_variance(before, after) + prior if touched else 0.0
        row = ContractRow(
            key.channel, key.system, metric, expected, math.nan, math.nan, unknown, per_action[0], per_action[1],
            self.spending[key] / self.volume, actions[0] * self.volume, actions[1] * self.volume,
        )  # fmt: skip
        if not (math.isfinite(expected) and min(actions) > 0):
            return row
        spread = math.exp(
            normal_quantile(LEVEL, rows) * math.sqrt(sum(row.variance(row.actions_before, row.actions_after)))
        )
        return replace(row, lower=expected / spread, upper=expected * spread)


def _same_actions(a: ClaimedByPerson, b: ClaimedByPerson) -> bool:
    return np.array_equal(a.user, b.user) and np.array_equal(a.amount, b.amount)


def _shift(
    key: Key, today: ReportedCpas, tomorrow: ReportedCpas, noise: _Noise, parts: Mapping[str, Mapping[Key, float]],
    days: float, fault_size: float, rows: int,
) -> CpaShift:  # fmt: skip
    before, after = today.cpa(key), tomorrow.cpa(key)
    cost_ratio = tomorrow.cost[key] / today.cost[key] if today.cost[key] > 0 else math.nan
    lower, upper = noise.interval(key, cost_ratio)
    middle = after / before if math.isfinite(after) and math.isfinite(before) and before > 0 else math.nan
    actions = (today.actions[key].total, tomorrow.actions[key].total)
    returns = tomorrow.roas(key) / today.roas(key) if today.roas(key) > 0 else math.nan
    band = noise.row(key, "cpa", middle, actions, rows)
    return CpaShift(
        channel=key.channel,
        system=key.system,
        cpa_today=before,
        cpa_tomorrow=after,
        roas_today=today.roas(key),
        roas_tomorrow=tomorrow.roas(key),
        lower=lower,
        upper=upper,
        alert_lower=band.lower,
        alert_upper=band.upper,
        parallel_days=parallel_days(
            noise.today[key].total * noise.volume / days, noise.paired_variance_per_action(key), fault_size
        ),
        parts={name: math.exp(part[key]) for name, part in parts.items()},
        bands=(band, noise.row(key, "roas", returns, actions, rows)),
    )


def parallel_days(actions_per_day: float, paired_variance: float, fault_size: float, power: float = POWER) -> float:
    """Days side by side until a loss of `fault_size` is seen: n = (z_{0.975} + z_power)² · (v + f/(1−f)) / ln²(1−f) actions.

    v is the variance per action of the logarithm of the two records' ratio on the same people without a fault, f/(1−f)
    what losing each action by chance adds.
    """
    from scipy.stats import norm

    if not actions_per_day > 0 or math.isnan(paired_variance):
        return math.inf
    z = float(norm.isf((1 - LEVEL) / 2) + norm.ppf(power))
    needed = z**2 * (paired_variance + fault_size / (1 - fault_size)) / math.log1p(-fault_size) ** 2
    return needed / actions_per_day


def _verify(world: World, changed: Scenario, threads: int) -> Verification:
    """Simulate the scenario with its new tracking, and compare everything real with the world as it was."""
    again = simulate_again(world, changed, threads=threads)
    mark = fingerprint(world.events)
    before, after = measure_truth(world, threads=threads), measure_truth(again, threads=threads)
    return Verification(
        events=mark == fingerprint(again.events),
        labels=before.labels.keys() == after.labels.keys()
        and all(_same_labels(found, after.labels[channel]) for channel, found in before.labels.items()),
        incremental=before.effects == after.effects,
        orders=before.conversions,
        fingerprint=mark,
    )


def _same_labels(a: OrderLabels, b: OrderLabels) -> bool:
    same = np.array_equal(a.order_id, b.order_id) and np.array_equal(a.label, b.label)
    return same and a.prevented == b.prevented
