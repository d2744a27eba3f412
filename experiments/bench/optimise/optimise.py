"""Optimise: the closed loop as an experiment: budgets follow a signal, and real orders tell who is better off (orders).

Every so many days a signal says what each channel's money has brought so far, and the budgets follow. All signals spend the
same sum, to the cent: what the budgets as they are would have cost in the same world. What differs is where it went, and
how many orders there were in the end, whoever claims them.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cpalab.micros import MICROS
from cpalab.refusal import Problem, ScenarioError
from cpalab.result import Result
from experiments.bench.optimise.equal_spend import HALF_A_CENT, simulate_to_spend
from experiments.bench.optimise.reallocation import reallocated
from experiments.bench.optimise.signals import Signal, find_signals
from experiments.bench.optimise.spending import Spending
from simulator.scenario.build_law import Names
from simulator.scenario.rules.validation import validate
from simulator.scenario.schema import Scenario
from simulator.world import World, reported_ticks, simulate

if TYPE_CHECKING:
    import altair as alt

__all__ = ["AS_IT_IS", "Optimised", "optimise"]

AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Optimised(Result):
    """What following each signal has brought, world by world.

    Attributes:
        rows: one per seed and signal: `seed, by, cost, unspent, orders`; cost and unspent (of the common sum) in currency,
            orders of the reported window and the follow-up.
        periods: one per seed, signal, stretch between two reallocations and channel: `seed, by, first_day, last_day, channel,
            orders, cost, cost_so_far, signal_conversions`: all channels' orders and the channel's cost in the stretch, and
            what the signal says on its last day of everything so far.
        every: days between reallocations.
        currency: of the money.

    Example:
        >>> from experiments import optimise
        >>> from simulator import load_scenario
        >>> scenario = load_scenario("dtc-apparel", {"run.users": 2000, "run.days": 6.0, "run.warm_up_days": 3})
        >>> found = optimise(scenario, ["last_click"], every=3, seeds=[1])
        >>> found.every, found.currency
        (3, 'USD')
    """

    rows: pd.DataFrame
    periods: pd.DataFrame
    every: int
    currency: str

    def to_frame(self) -> pd.DataFrame:
        """One row per signal: mean cost and orders, and the gain in orders over the budgets as they are, paired by seed.

        The 95 % interval of the gain is Student's over seeds; `worse_off` is the share of seeds in which it is below zero.
        """
        from scipy.stats import t

        orders = self.rows.pivot_table(index="seed", columns="by", values="orders", sort=False)
        found = []
        for by, own in self.rows.groupby("by", sort=False):
            gain = (orders[by] - orders[AS_IT_IS]).to_numpy(float)
            n = len(gain)
            half = float(t.ppf(0.975, n - 1) * gain.std(ddof=1) / math.sqrt(n)) if n > 1 else math.inf
            found.append(
                {
                    "by": by,
                    "seeds": n,
                    "cost": own["cost"].mean(),
                    "unspent": own["unspent"].mean(),
                    "orders": own["orders"].mean(),
                    "gain": gain.mean(),
                    "gain_lower": gain.mean() - half if by != AS_IT_IS else 0.0,
                    "gain_upper": gain.mean() + half if by != AS_IT_IS else 0.0,
                    "worse_off": float(np.mean(gain < 0)),
                }
            )
        return pd.DataFrame(found)

    def over_time(self) -> pd.DataFrame:
        """One row per signal, stretch and channel: means over seeds of cost, orders, and the CPA that the signal shows."""
        keys = ["by", "first_day", "last_day", "channel"]
        table = self.periods.groupby(keys, sort=False)[["cost", "orders", "cost_so_far", "signal_conversions"]].mean()
        table["signal_cost_per_conversion"] = table["cost_so_far"] / table["signal_conversions"].where(lambda n: n > 0)
        return table.drop(columns="cost_so_far").reset_index()

    def summary(self) -> str:
        """Who is better off, by how much, and when not, one sentence per signal."""
        lines = []
        for row in self.to_frame().to_dict("records"):
            by, gain, lower, upper = row["by"], row["gain"], row["gain_lower"], row["gain_upper"]
            if by == AS_IT_IS:
                spent = f"{row['cost']:,.2f} {self.currency}"
                seeds = f"mean of {row['seeds']} seeds" if row["seeds"] > 1 else "one seed"
                lines.append(f"Budgets as they are bring {row['orders']:,.1f} orders for {spent} ({seeds}).")
                continue
            if not math.isfinite(lower):
                verdict = "one seed has no interval"
            elif lower > 0:
                verdict = "better off"
            else:
                verdict = "worse off" if upper < 0 else "no difference can be told"
            interval = f" ({lower:+,.1f} to {upper:+,.1f})" if math.isfinite(lower) else ""
            lines.append(
                f"By {by}: {gain:+,.1f} orders{interval}, {verdict}; below zero in {row['worse_off']:.0%} of the seeds."
            )
        return "\n".join([*lines, *filter(None, [self.unequal_money()])])

    def unequal_money(self) -> str:
        """Who could not spend the common sum to the cent, in a sentence; empty where all could."""
        short = self.rows[self.rows["unspent"].abs() > HALF_A_CENT / MICROS]
        if short.empty:
            return ""
        who = ", ".join(dict.fromkeys(short["by"]))
        return (
            f"Not the same money: {who} could not spend the common sum to the cent in {len(short)} of {len(self.rows)} "
            f"worlds (by up to {short['unspent'].abs().max():,.2f} {self.currency}), so those orders are not comparable."
        )

    def chart(self) -> "alt.LayerChart":
        """Gained orders per signal with their intervals over seeds."""
        from experiments.report.charts.intervals import Mark, mark_chart
        from experiments.report.numerals import count

        table = self.to_frame()
        own = table[table["by"] != AS_IT_IS]
        shown = own.assign(
            name=[str(by).replace("_", " ") for by in own["by"]], remark=[count(x, 1) for x in own["gain"]]
        )
        return mark_chart(
            shown, "name", (Mark("gain", "gain"),), "orders gained over the budgets as they are",
            interval=("gain_lower", "gain_upper"), remark="remark",
        )  # fmt: skip

    def to_page(self) -> str:
        """One HTML page without network: who is better off, and what each signal showed over time."""
        from experiments.report.charts.intervals import Mark
        from experiments.report.pages.figure_page import Section, render_figures

        first, *others = self.summary().splitlines()
        time = self.over_time()
        time.insert(1, "days", [f"{a:g} to {b:g}" for a, b in zip(time["first_day"], time["last_day"], strict=True)])
        sections = [
            Section(
                "Real orders for the same money", "Right of the line: more orders than with the budgets as they are.",
                self.chart(), self.to_frame(), (Mark("gain", "mean gain over seeds"),), "95% interval over seeds",
            ),
            Section(
                "Over time",
                f"Per channel and stretch: money ({self.currency}), real orders, and the CPA that the signal showed.",
                None, time.drop(columns=["first_day", "last_day"]), folded=True,
            ),
        ]  # fmt: skip
        return render_figures(
            "Whose word should budgets follow?", [*others, first], sections,
            kicker=f"Budgets follow a signal every {self.every} days, at equal spend to the cent",
            assumed="Real orders are counted, those of the follow-up included. The people, the prices and the effect of the "
            "ads are assumptions of the scenario.",
        )  # fmt: skip


def optimise(
    scenario: Scenario,
    by: Sequence[Signal | str] = ("last_click", "truth"),
    *,
    every: int = 14,
    seeds: Iterable[int] = range(1, 6),
    map_: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]] = map,
    progress: Callable[[float], None] = lambda share: None,
) -> Optimised:
    """Let budgets follow each signal in worlds of the same seeds, at equal spend, and count real orders.

    Channels whose campaigns all bid in auctions (cpm, cpc) are moved; the others stay as they are. Holdouts run only for
    signals that read them. What is left of the common sum is spread over the days that are left, anew each day.

    Args:
        scenario: the market; its seed is replaced.
        by: signals: platform, analytics, crm, lift_test, truth, an attribution model as `cpalab leaderboard` takes it,
            `module:Class`, or objects with `name` and `conversions(world)`.
        every: days between reallocations.
        seeds: one world each, the same for all signals.
        map_: runs seeds; one over processes gives the same rows.
        progress: called with the share of seeds that are done.

    Raises:
        ScenarioError: a signal is unknown, or there is nothing to reallocate; all problems at once.

    Example:
        >>> from experiments import optimise
        >>> from simulator import load_scenario
        >>> scenario = load_scenario("dtc-apparel", {"run.users": 2000, "run.days": 6.0, "run.warm_up_days": 3})
        >>> optimise(scenario, ["last_click"], every=3, seeds=[1]).rows["by"].tolist()
        ['as it is', 'last_click']
    """
    problems: list[Problem] = []
    signals: tuple[Signal, ...] = ()
    try:
        signals = find_signals(by)
    except ScenarioError as error:
        problems += error.problems
    numbers = tuple(seeds)
    if not numbers:
        problems.append(Problem("--seeds", "must be at least 1"))
    if not 1 <= every < scenario.run.days:
        rule = f"must lie between 1 and the days of the run ({scenario.run.days:g})"
        problems.append(Problem("--every", rule, f"{every}", "simulate longer with --days"))
    if len(_moved(scenario)) < 2:
        rule = "must hold at least two channels that bid in auctions (cpm, cpc): there is nothing to reallocate"
        problems.append(Problem("channels", rule, str(len(_moved(scenario)))))
    if problems:
        raise ScenarioError(problems)
    rows: list[dict[str, Any]] = []
    periods: list[dict[str, Any]] = []
    work = [(scenario, signals, every, seed) for seed in numbers]
    for done, (own_rows, own_periods) in enumerate(map_(_one_seed, work), start=1):
        rows += own_rows
        periods += own_periods
        progress(done / len(work))
    return Optimised(pd.DataFrame(rows), pd.DataFrame(periods), every, scenario.market.currency)


def _one_seed(
    work: tuple[Scenario, tuple[Signal, ...], int, int],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One world under the budgets as they are, and under each signal's."""
    scenario, signals, every, seed = work
    tested = scenario.model_copy(update={"run": scenario.run.model_copy(update={"seed": seed})})
    quiet = _without_holdouts(tested)
    reference = simulate(quiet)
    cost = sum(reference.cost_micros().values())
    rows, periods = [_row(reference, seed, AS_IT_IS, cost)], []
    for signal in signals:
        runs_tests = getattr(signal, "runs_lift_tests", False)
        world, said = _followed(tested if runs_tests else quiet, signal, every, cost)
        rows.append(_row(world, seed, signal.name, cost))
        periods += _periods(world, seed, signal.name, said)
    return rows, periods


def _row(world: World, seed: int, by: str, cost: int) -> dict[str, Any]:
    spent = sum(world.cost_micros().values())
    orders = world.orders_until(math.inf).num_rows
    return {"seed": seed, "by": by, "cost": spent / MICROS, "unspent": (cost - spent) / MICROS, "orders": orders}


def _followed(
    scenario: Scenario, signal: Signal, every: int, cost_micros: int
) -> tuple[World, dict[float, Mapping[str, float]]]:
    """The world whose budgets follow a signal, and what the signal said on each day that ends a stretch."""
    moved, days = _moved(scenario), scenario.run.days
    said: dict[float, Mapping[str, float]] = {}
    shares: dict[float, dict[str, float]] = {}
    spending = Spending(f"by {signal.name}", shares, cost_micros / MICROS, days)
    for day in range(every, math.ceil(days), every):
        so_far = simulate(_until(scenario, day), processes=[spending])
        said[float(day)] = signal.conversions(so_far)
        decided = _shares(so_far, moved, said[float(day)], every)
        if decided:
            shares[float(day)] = decided
    paced = [c for c, placed in enumerate(Names.of(scenario).campaigns) if placed.channel in moved]
    world = simulate_to_spend(scenario, cost_micros, paced, [spending])
    said[days] = signal.conversions(world)
    return world, said


def _shares(so_far: World, moved: Sequence[str], said: Mapping[str, float], every: int) -> dict[str, float]:
    """What each campaign is to get a day, by what the signal says of all its channel's money so far; nothing: as it is."""
    ticks = reported_ticks(so_far.market).to_pandas()
    recent = ticks[ticks["day"] >= so_far.clock.days - every]
    spent = ticks.groupby("channel")["cost_micros"].sum() / MICROS
    rate = recent.groupby("channel")["cost_micros"].sum() / MICROS / every
    active = [channel for channel in moved if rate[channel] > 0.0]
    if not active:
        return {}
    throttle = recent.groupby("channel")["throttle"].min()
    budgets = reallocated(
        float(sum(rate[channel] for channel in active)),
        {channel: float(rate[channel]) for channel in active},
        {channel: said.get(channel, 0.0) / float(spent[channel]) for channel in active},
        {channel: bool(throttle[channel] >= 1.0) for channel in active},
    )
    by_campaign = recent.groupby(["channel", "campaign"])["cost_micros"].sum() / MICROS / every
    shares = {
        f"{channel}.{name}": budget * float(by_campaign[channel, name]) / float(rate[channel])
        for channel, budget in budgets.items()
        for name in so_far.scenario.channels[channel].campaigns
    }
    return {name: share for name, share in shares.items() if share > 0.0}


def _periods(world: World, seed: int, by: str, said: Mapping[float, Mapping[str, float]]) -> list[dict[str, Any]]:
    ticks = reported_ticks(world.market).to_pandas()
    time = world.orders()["time"].to_numpy()
    found, first = [], 0.0
    for last in sorted(said):
        own, so_far = ticks[(ticks["day"] >= first) & (ticks["day"] < last)], ticks[ticks["day"] < last]
        cost, cost_so_far = (part.groupby("channel")["cost_micros"].sum() / MICROS for part in (own, so_far))
        orders = int(((time >= first) & (time < last)).sum())
        found += [
            {
                "seed": seed, "by": by, "first_day": first, "last_day": last, "channel": channel, "orders": orders,
                "cost": float(cost[channel]), "cost_so_far": float(cost_so_far[channel]),
                "signal_conversions": said[last].get(channel, 0.0),
            }
            for channel in world.scenario.paid_channels()
        ]  # fmt: skip
        first = last
    return found


def _moved(scenario: Scenario) -> list[str]:
    """Channels whose campaigns all bid in auctions."""
    return [name for name in scenario.paid_channels() if scenario.channels[name].bids_in_auctions]


def _until(scenario: Scenario, day: int) -> Scenario:
    """The scenario as far as a day, whose orders are not followed up."""
    changes = [change for change in scenario.timeline if change.day < day]
    run = scenario.run.model_copy(update={"days": float(day), "follow_up_days": 0})
    return scenario.model_copy(update={"run": run, "timeline": changes})


def _without_holdouts(scenario: Scenario) -> Scenario:
    tables = scenario.model_dump()
    for channel in tables["channels"].values():
        channel["holdout"]["share"] = 0.0
    return validate(tables)
