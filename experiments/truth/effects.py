"""Truth: what each channel's ads caused, by living everyone's life again without them (conversions, value, cost in micros).

Truth is computed, never typed in. A twin world is the same scenario and seed with one thing changed. The estimands:

    average          channel off, everything else on; its cost over the orders it caused
    joint            all ads off; channel "all"
    marginal_bid     bids 10 % up against 10 % down: change in the channel's cost over change in orders
    marginal_budget  daily budgets 10 % up against 10 % down

The change holds in the reported window alone: all worlds share the warm-up, and in the follow-up ads are off in all of them.
Orders count until the end of the follow-up, money in the reported window. A budget that never bound has no marginal price.

All are stated for the world as it ran: people held out by an experiment never saw the ads, so they are the same in both.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from cpalab.arguments import Count, checked
from cpalab.micros import MICROS
from cpalab.refusal import Problem, ScenarioError
from cpalab.result import Result
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.order_labels import Life, OrderLabels, Orders, customers_lost, label_orders, orders_lost
from simulator.engines.checkpoints import WarmUp
from simulator.engines.twins import live_twins
from simulator.event_log import gathered_events, is_kind
from simulator.law.log import CONVERSION
from simulator.market.market import variants
from simulator.playing import Workroom, play, thread_map
from simulator.population import build_population
from simulator.scenario.build_law import Names
from simulator.world import World

Estimand = Literal["average", "joint", "marginal_bid", "marginal_budget"]
ESTIMANDS: tuple[Estimand, ...] = ("average", "joint", "marginal_bid", "marginal_budget")
Feedback = Literal["held", "free"]
MARGIN = 0.10
ALL = "all"


@dataclass(frozen=True)
class Effect:
    """What one change of the world does to orders and cost.

    Attributes:
        channel: whose ads; `all` for all of them.
        estimand: which question; `tested`: that of a lift test (`experiments.designs`).
        cost_micros: what the channel's ads cost (average, joint), or the change in that (marginal).
        incremental_conversions: orders with the ads minus orders without.
        incremental_value_micros: the same for order value.
        people_reached: people whose life differs between the worlds compared (in the larger of two changes); None
            with free feedback, where the market's reaction may touch anyone and everybody lives again.
        feedback: whether the market's pacing stayed as it was (held) or reacted (free).
        days_bound: on how many reported days the budget of a campaign of the channel kept it out of auctions.
        incremental_customers: people who had never ordered before day 0 and do by the end of the follow-up, with the ads
            minus without; None where it was not measured. Incremental conversions above it are repeat purchases.
    """

    channel: str
    estimand: Estimand | Literal["tested"]
    cost_micros: int
    incremental_conversions: int
    incremental_value_micros: int
    people_reached: int | None
    feedback: str = "held"
    days_bound: float = 0.0
    incremental_customers: int | None = None

    @property
    def value_per_incremental_customer(self) -> float:
        """Incremental value over incremental customers, in currency: what a customer won is worth until the horizon."""
        return cost_per(self.incremental_value_micros, self.incremental_customers or 0)

    @property
    def cost_per_incremental_customer(self) -> float:
        """Cost over incremental customers, in currency; inf where money won none, nan where it lost some or is not known."""
        return (
            math.nan if self.incremental_customers is None else cost_per(self.cost_micros, self.incremental_customers)
        )

    @property
    def cost_per_incremental_conversion(self) -> float:
        """Cost over incremental conversions, in currency; inf where money caused nothing, nan where it prevented orders."""
        return cost_per(self.cost_micros, self.incremental_conversions)


@dataclass(frozen=True)
class Truth(Result):
    """The truth about a world.

    Attributes:
        effects: one per channel and estimand.
        labels: per channel, and for `all` ads together.
        conversions: orders that happened in the reported window.
        feedback: `held` (the market's pacing stays as it was) or `free` (it reacts).
        action: what a conversion is called.
        days: length of the reported window.
        warm_up_days: how long the market was lived before it.
        horizon_days: how long after it orders count.
        unbound: channels whose budgets never bound: more or less of them changes nothing, so they have no marginal price.
        margin_share: share of an order's value that is left before ad cost.

    Example:
        >>> from cpalab import load_scenario, measure_truth, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> truth = measure_truth(world)
        >>> truth.effects[0].channel, truth.days
        ('social', 5.0)
    """

    effects: tuple[Effect, ...]
    labels: dict[str, OrderLabels]
    conversions: int
    feedback: str
    action: ConversionNoun = ORDER
    days: float = 0.0
    warm_up_days: int = 0
    horizon_days: float = 0.0
    unbound: tuple[str, ...] = ()
    margin_share: float = 1.0

    @property
    def horizon(self) -> str:
        """Until when orders count, in words."""
        if not self.horizon_days:
            return f"{self.action.many} until the last day"
        return f"{self.action.many} until {self.horizon_days:g} days after"

    def effect(self, channel: str, estimand: Estimand = "average") -> Effect:
        """The effect asked for.

        Raises:
            KeyError: it was not measured, or does not exist (a marginal bid where no auction is held).
        """
        for effect in self.effects:
            if (effect.channel, effect.estimand) == (channel, estimand):
                return effect
        raise KeyError(f"no {estimand} effect of {channel}")

    def profit(self, effect: Effect) -> float:
        """What an effect earned, in currency: margin share × incremental value − cost."""
        return (self.margin_share * effect.incremental_value_micros - effect.cost_micros) / 1e6

    def to_frame(self) -> pd.DataFrame:
        """One row per channel and estimand; cost in currency."""
        return pd.DataFrame(
            {
                "channel": [effect.channel for effect in self.effects],
                "estimand": [effect.estimand for effect in self.effects],
                "cost": [effect.cost_micros / MICROS for effect in self.effects],
                "incremental_conversions": [effect.incremental_conversions for effect in self.effects],
                "cost_per_incremental_conversion": [e.cost_per_incremental_conversion for e in self.effects],
                "incremental_customers": [effect.incremental_customers for effect in self.effects],
                "cost_per_incremental_customer": [e.cost_per_incremental_customer for e in self.effects],
                "feedback": [effect.feedback for effect in self.effects],
                "days_bound": [effect.days_bound for effect in self.effects],
            }
        )

    def summary(self) -> str:
        """How many orders needed the ads."""
        if self.conversions == 0:
            return f"There was no {self.action.one}."
        if ALL not in self.labels:
            return f"{self.action.counted(self.conversions)}."
        counts = self.labels[ALL].counts()
        share = counts["always"] / self.conversions
        names = ", ".join(name.replace("_", " ") for name in self.unbound)
        unbound = f" The daily budget never ran out for {names}: more of it buys nothing, so it has no marginal price."
        return (
            f"Of {self.action.counted(self.conversions)}, {counts['always']:,} ({share:.0%}) would have happened the same "
            f"without any ads, {counts['moved']:,} at another time or value, {counts['caused']:,} not at all; ads prevented "
            f"{counts['prevented']:,}. Effects count {self.horizon}.{self._customers_won()}{unbound if self.unbound else ''}"
        )

    def _customers_won(self) -> str:
        """How many new customers all ads won, at what cost and worth, in a sentence; nothing where there is none."""
        joint = next((effect for effect in self.effects if effect.channel == ALL), None)
        if joint is None or not joint.incremental_customers or joint.incremental_customers < 0:
            return ""
        won = joint.incremental_customers
        customers = f"{won:,} new customer{'' if won == 1 else 's'}"
        return (
            f" The ads won {customers} for {joint.cost_per_incremental_customer:,.2f} "
            f"each, worth {joint.value_per_incremental_customer:,.2f} each by then, repeat {self.action.many} included."
        )


@dataclass(frozen=True)
class TwinChange:
    """What is different in a twin world.

    Attributes:
        off: channels without ads (bits).
        channel: position of the one whose bids or pacing differ, -1: none.
        log_bid_change: added to the logarithm of its bids.
        throttle_factor: of its pacing where a budget binds, and with free feedback of that budget.
        share: of the auctions that it takes part in.
        first_day, last_day: from when, and before when, all this holds; of the reported window alone.
    """

    off: int = 0
    channel: int = -1
    log_bid_change: float = 0.0
    throttle_factor: float = 1.0
    share: float = 1.0
    first_day: float = -math.inf
    last_day: float = math.inf


def cost_per(cost_micros: int, conversions: float) -> float:
    """Cost per conversion in currency: inf where nothing was gained for money, nan where that has no meaning."""
    if conversions > 0:
        return cost_micros / MICROS / conversions
    return math.inf if conversions == 0 and cost_micros > 0 else math.nan


@checked(ScenarioError)
def measure_truth(
    world: World,
    *,
    estimands: Sequence[Estimand] = ("average", "joint"),
    feedback: Literal["held", "free"] | None = None,
    lived: Mapping[tuple[TwinChange, Feedback], Life] | None = None,
    threads: Count = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> Truth:
    """The truth about a world, by twins.

    With `held` feedback all twins live in one pass beside the factual world, and only people reached by a change have a
    second life. With `free` feedback the market of every twin reacts to the change (budgets, pacing), so each twin is
    played through on its own. Without a choice feedback is held, but for the marginal bid of a channel whose budget bound:
    there a higher bid buys fewer, dearer ads for the same money, which held pacing would not show.

    Args:
        world: what happened, from `simulate` or `read_world`.
        estimands: which effects: average (the channel off), joint (all ads off), marginal_bid, marginal_budget (± 10 %).
        feedback: `held` or `free`; None as said.
        lived: twins that were lived already, beside the world itself (`experiments.truth.lived_twins`).
        threads: how many threads work; the numbers do not depend on it.
        progress: called with the share of twins that are done.

    Raises:
        ScenarioError: an effect or a feedback that is none, no threads; all at once.

    Example:
        >>> from cpalab import load_scenario, measure_truth, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> truth = measure_truth(world, estimands=["average"])
        >>> truth.to_frame()[["channel", "estimand"]].values.tolist()
        [['social', 'average']]
    """
    bound = days_bound(world)
    questions, free = asked(world, estimands, feedback)
    if lived is None:
        found: dict[tuple[TwinChange, Feedback], Life] = {}
        held = free.count(False) / max(len(free), 1)
        kinds: tuple[tuple[Feedback, float, float], ...] = (("held", 0.0, held), ("free", held, 1.0 - held))
        for kind, begun, part in kinds:
            changes = changes_of(questions, free, kind)
            lives = twin_lives(world, changes, kind, threads, lambda s, b=begun, p=part: progress(b + p * s))  # type: ignore[misc]
            found |= {(change, kind): life for change, life in zip(changes, lives, strict=True)}
        lived = found
    fact = orders_of(world)
    are_new = new_people(world)
    costs = world.cost_micros()
    effects, labels = [], {}
    for question, is_free in zip(questions, free, strict=True):
        kind = "free" if is_free else "held"
        own = [lived[change, kind] for change in question.changes]
        if question.estimand in ("average", "joint"):
            labels[question.channel] = label_orders(fact, own[0])
        effect = _effect(question, own, fact, are_new, costs, world.names, kind)
        effects.append(replace(effect, days_bound=bound.get(question.channel, 0.0)))
    budgeted = [name for name in bound if "marginal_budget" in estimands and not bound[name]]
    return Truth(
        tuple(effects), labels, world.orders().num_rows, feedback or "held", ConversionNoun.of(world.scenario),
        world.clock.days, -world.clock.start, world.clock.follow_up_days, tuple(budgeted),
        world.scenario.order.margin_share,
    )  # fmt: skip


def asked(
    world: World, estimands: Sequence[Estimand], feedback: Feedback | None = None
) -> tuple[list["Question"], list[bool]]:
    """The questions about a world whose market has run, and which of them let the market react."""
    bound = days_bound(world)
    questions = [q for estimand in estimands for q in _questions(world, estimand, bound)]
    return questions, [feedback == "free" or (feedback is None and _needs_the_market(q, bound)) for q in questions]


def changes_of(questions: Sequence["Question"], free: Sequence[bool], feedback: Feedback) -> list[TwinChange]:
    """The changes that the questions of one kind of feedback ask for, in order."""
    wanted = feedback == "free"
    return [change for q, is_free in zip(questions, free, strict=True) if is_free is wanted for change in q.changes]


def days_bound(world: World) -> dict[str, float]:
    """On how many reported days a budget kept each channel out of auctions, for those that have budgets."""
    ticks = world.market.to_pandas()
    length = np.diff(world.board.starts)[ticks["tick"]]
    ticks = ticks.assign(bound=np.where(ticks["throttle"].between(0.0, 1.0, inclusive="neither"), length, 0.0))
    ticks = ticks[(ticks["period"] == "reported") & ticks["daily_budget"].notna()]
    return {
        str(channel): float(own.groupby("tick")["bound"].max().sum())
        for channel, own in ticks.groupby("channel", sort=False)
    }


def _needs_the_market(question: "Question", bound: Mapping[str, float]) -> bool:
    return question.estimand == "marginal_bid" and bound.get(question.channel, 0.0) > 0.0


@dataclass(frozen=True)
class Question:
    """An estimand of a channel, and the worlds that answer it: one without the ads, or one with less and one with more."""

    channel: str
    estimand: Estimand
    changes: tuple[TwinChange, ...]


def _questions(world: World, estimand: Estimand, bound: Mapping[str, float]) -> list[Question]:
    paid = world.names.paid_channels()
    channels = world.names.channels
    if estimand == "average":
        return [Question(channels[k], estimand, (TwinChange(off=1 << k),)) for k in paid]
    if estimand == "joint":
        return [Question(ALL, estimand, (TwinChange(off=sum(1 << k for k in paid)),))] if paid else []
    questions = []
    for k in paid:
        if estimand == "marginal_bid" and world.scenario.channels[channels[k]].bids_in_auctions:
            less, more = math.log1p(-MARGIN), math.log1p(MARGIN)
            pair = (TwinChange(channel=k, log_bid_change=less), TwinChange(channel=k, log_bid_change=more))
            questions.append(Question(channels[k], estimand, pair))
        elif estimand == "marginal_budget" and bound.get(channels[k], 0.0) > 0.0:
            pair = (
                TwinChange(channel=k, throttle_factor=1 - MARGIN),
                TwinChange(channel=k, throttle_factor=1 + MARGIN),
            )
            questions.append(Question(channels[k], estimand, pair))
    return questions


def twin_lives(
    world: World,
    changes: Sequence[TwinChange],
    feedback: Literal["held", "free"] = "held",
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Life]:
    """Everyone's life in a twin world for each change; see `measure_truth` for the feedback."""
    if not changes:
        return []
    live = _live_held if feedback == "held" else _live_free
    return live(world, worlds_of(changes), threads, progress)


def worlds_of(changes: Sequence[TwinChange]) -> Any:
    """The world as it is, and one for each change, VARIANT (changes + 1,)."""
    rows = variants(len(changes) + 1)
    for w, change in enumerate(changes, start=1):
        for field in fields(change):
            rows[w][field.name] = getattr(change, field.name)
    return rows


def _live_held(world: World, rows: Any, threads: int, progress: Callable[[float], None]) -> list[Life]:
    population = build_population(world.scenario, world.law, world.names)
    with thread_map(threads) as map_:
        twins = live_twins(
            world.law, world.board, population, rows, world.scenario.run.seed,
            kernel=world.kernels.relive, map_=map_, progress=progress,
        )  # fmt: skip
    by_world = conversions_by_world(twins.orders, len(rows))
    check_same_lives(world, by_world[0])
    return [Life(by_world[w], twins.parted[:, w], twins.ledgers[w]["cost_micros"]) for w in range(1, len(rows))]


def _live_free(world: World, rows: Any, threads: int, progress: Callable[[float], None]) -> list[Life]:
    lives, warm_up = [], WarmUp()
    for w in range(1, len(rows)):
        lives.append(live_free(world, rows[w : w + 1], warm_up, threads))
        progress(w / (len(rows) - 1))
    return lives


def live_free(world: World, row: Any, warm_up: WarmUp, threads: int = 1, room: Workroom | None = None) -> Life:
    """Everyone's life where the market reacts to the change in `row`, VARIANT (1,); `warm_up` and `room` as in `play`."""
    fact = world.market.to_pandas().groupby(["channel", "campaign"])["cost_micros"].sum()
    with thread_map(threads) as map_:
        played = play(
            world.scenario, row, map_=map_, kept="orders", kernels=world.kernels, processes=world.acting, room=room,
            warm_up=warm_up,
        )  # fmt: skip
    orders = conversions_by_world(np.concatenate(list(played.engine.take_rows())), 1)[0]
    reports = pd.DataFrame([(r.channel, r.campaign, r.cost_micros) for r in played.reports])
    own = reports.groupby([0, 1])[2].sum()
    change = [int(own[c.channel, c.name] - fact[c.channel, c.name]) for c in world.names.campaigns]
    return Life(orders, np.zeros(world.users.num_rows, np.int32), np.array(change, np.int64))


def conversions_by_world(rows: Any, worlds: int) -> list[Orders]:
    """The conversions from day 0 on among these rows of the log, world by world."""
    conversions = rows[(rows["kind"] == CONVERSION) & (rows["time"] >= 0.0)]
    result = []
    for w in range(worlds):
        own = conversions[conversions["world"] == w]
        order_id = (own["user"].astype(np.int64) << 32) | own["session"]
        order = np.argsort(order_id, kind="stable")
        result.append(Orders(order_id[order], own["time"][order], own["value_micros"][order]))
    return result


def orders_of(world: World) -> Orders:
    """The orders that happened from day 0 to the end of the follow-up."""
    table = world.orders_until(math.inf)
    time = table["time"].to_numpy()
    return Orders(table["order_id"].to_numpy(), time, table["value_micros"].to_numpy(), time < world.clock.days)


def new_people(world: World) -> npt.NDArray[np.bool_]:
    """Who had never ordered before day 0 (users,)."""
    before = gathered_events(world, lambda piece: pc.and_(is_kind(piece, "conversion"), pc.less(piece["time"], 0.0)))
    are_new: npt.NDArray[np.bool_] = ~world.users["customer"].to_numpy().astype(np.bool_)
    are_new[before["user_id"].to_numpy()] = False
    return are_new


def check_same_lives(world: World, orders: Orders) -> None:
    """Refuse a world whose people, living again by today's law, do not order as its log says.

    That is a stored world made by another version of cpalab, or with own steps whose code has changed: its truth would be
    about another market.

    Raises:
        ScenarioError: saying so.
    """
    fact = orders_of(world)
    if not (np.array_equal(fact.order_id, orders.order_id) and np.array_equal(fact.value_micros, orders.value_micros)):
        rule = "was made by another law than today's: its people, living again, do not order as its log says"
        raise ScenarioError([Problem("world", rule, hint="simulate it again with this version and the same own steps")])


def _effect(
    question: Question, lives: Sequence[Life], fact: Orders, are_new: npt.NDArray[np.bool_], costs: dict[str, int],
    names: Names, feedback: str,
) -> Effect:  # fmt: skip
    gained = [(*orders_lost(fact, life), customers_lost(fact, life, are_new)) for life in lives]
    reached = max(int(np.sum(life.parted >= 0)) for life in lives) if feedback == "held" else None
    if len(lives) == 1:
        cost = sum(costs.values()) if question.channel == ALL else costs[question.channel]
        conversions, value, customers = gained[0]
    else:
        own = np.array([campaign.channel == question.channel for campaign in names.campaigns])
        cost = int(np.sum(lives[1].cost_change_micros[own]) - np.sum(lives[0].cost_change_micros[own]))
        conversions, value, customers = (less - more for less, more in zip(*gained, strict=True))
    return Effect(
        question.channel,
        question.estimand,
        cost,
        conversions,
        value,
        reached,
        feedback,
        incremental_customers=customers,
    )
