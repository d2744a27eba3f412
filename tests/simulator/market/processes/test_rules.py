"""Rules: what each process that comes with cpalab does with what it is shown, by hand; and in a market that tracks badly."""

import math
from types import SimpleNamespace

import pytest

from cpalab.refusal import ScenarioError
from simulator.market.processes.registry import PROCESSES, find_process
from simulator.record.record import record
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


class Shown:
    """A desk that shows what one says, by campaign, and notes what is done."""

    def __init__(self, spend=None, conversions=None, value=None, **settings):
        self.day = 0.0
        self.spent, self.counted, self.worth = spend or {}, conversions or {}, value or {}
        self.bids = settings.get("bids", {})
        self.budgets = settings.get("budgets", {})
        self.made = settings.get("creatives", {})
        self.scenario = SimpleNamespace(order=SimpleNamespace(value=SimpleNamespace(mean=settings.get("mean", 100.0))))
        self.paused, self.done = set(), []
        self.campaigns = tuple(self.spent)

    def timeout(self, days):
        self.day += days
        return days

    def spend(self, place, **window):
        return self._of(self.spent, place, window)

    def conversions(self, system, place, **window):
        return self._of(self.counted, place, window)

    def conversion_value(self, system, place, **window):
        return self._of(self.worth, place, window)

    def cost_per_conversion(self, system, place, **window):
        counted = self.conversions(system, place, **window)
        return self.spend(place, **window) / counted if counted else math.inf

    @staticmethod
    def _of(numbers, place, window):
        number = numbers[place]
        return number["before" if "until" in window else "now"] if isinstance(number, dict) else number

    def bid(self, place):
        return self.bids[place]

    def set_bid(self, place, bid):
        self.bids[place] = bid

    def daily_budget(self, place):
        return self.budgets.get(place)

    def set_daily_budget(self, place, amount):
        self.budgets[place] = amount

    def is_paused(self, place):
        return place in self.paused

    def pause(self, place):
        self.paused.add(place)

    def creatives(self, place):
        return dict(self.made)

    def launch(self, place, name):
        self.done.append(("launch", name))

    def retire(self, place, name):
        self.done.append(("retire", name))

    def act(self, process, times=1):
        """Let a process, as it is written in a scenario, act so many times."""
        running = find_process(process).run(self)
        for _ in range(times + 1):
            next(running)
        return self


# ---------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("spend", "conversions", "factor"),
    [
        (980.0, 98.0, 1.2),  # a CPA of 10.2: a long way up
        (2_100.0, 98.0, (2_100 + 40) / 100.0),  # 21.4: the wanted factor itself
        (4_000.0, 60.0, 1 / 1.2),  # 65: a long way down
        (400.0, 0.0, 1 / 1.1),  # learning, and none at all: half a step down
        (20.0, 8.0, 1.1),  # learning, and cheap: half a step up
    ],
)
def test_target_cpa_bids_towards_its_target_in_steps(spend, conversions, factor):
    shown = Shown({"a": spend}, {"a": conversions}, bids={"a": 1.0}).act('target_cpa(target=20, campaign="a")')
    wanted = 20.0 / factor if factor > 2 else factor
    assert shown.bid("a") == pytest.approx(wanted)


def test_target_roas_bids_by_reported_value():
    """ROAS (5,800 + 200) / (950 + 50) = 6 of a target of 4: one whole step; of 6.6: 1 / 1.1 of the bid."""
    facts = {"spend": {"a": 950.0}, "conversions": {"a": 60.0}, "value": {"a": 5_800.0}}
    shown = Shown(**facts, bids={"a": 1.0}).act('target_roas(target=4, campaign="a")')
    assert shown.bid("a") == pytest.approx(1.2)
    facts["spend"] = {"a": 1_000.0 - 200 / 6.6}
    shown = Shown(**facts, bids={"a": 1.0}).act('target_roas(target=6.6, campaign="a")')
    assert shown.bid("a") == pytest.approx(1 / 1.1)


def test_budget_moves_to_where_conversions_are_reported_cheaply_and_the_sum_stays():
    """Earnings (9 + 1) / (99 + 50/11 …): see the formula; the cheap one gets more, what has no budget is left alone."""
    shown = Shown(
        {"cheap": 100.0, "dear": 300.0, "open": 50.0}, {"cheap": 10.0, "dear": 10.0, "open": 90.0},
        budgets={"cheap": 50.0, "dear": 50.0},
    ).act("budget_by_cpa(share=1.0)")  # fmt: skip
    usual = 401.0 / 21.0
    earning = {"cheap": 11.0 / (100.0 + usual), "dear": 11.0 / (300.0 + usual)}
    assert shown.budgets["cheap"] == pytest.approx(100.0 * earning["cheap"] / sum(earning.values()))
    assert sum(shown.budgets.values()) == pytest.approx(100.0)
    assert "open" not in shown.budgets


def test_a_campaign_is_paused_above_the_maximum_and_only_once_it_has_spent_enough():
    spend = {"dear": 400.0, "none": 301.0, "young": 299.0, "fine": 400.0}
    shown = Shown(spend, {"dear": 3.0, "none": 0.0, "young": 0.0, "fine": 5.0}).act("pause_by_cpa(maximum=100)")
    assert shown.paused == {"dear", "none"}


def test_creatives_take_turns():
    shown = Shown(creatives={"a": True, "b": False, "c": False}).act('creative_rotation(campaign="x")', times=3)
    assert shown.done == [
        ("launch", "b"), ("retire", "a"), ("launch", "c"), ("retire", "b"), ("launch", "a"), ("retire", "c"),
    ]  # fmt: skip
    assert shown.day == 4 * 14.0


@pytest.mark.parametrize(
    ("spend", "conversions", "factor"),
    [
        ({"before": 100, "now": 130}, {"before": 5, "now": 7}, 1.25),  # 15 each
        ({"before": 100, "now": 150}, {"before": 5, "now": 6}, 1 / 1.25),  # 50 each
        ({"before": 100, "now": 130}, {"before": 5, "now": 5}, 1 / 1.25),  # for nothing
        ({"before": 130, "now": 100}, {"before": 7, "now": 5}, 1.25),  # saved 15 each: worth having
        ({"before": 150, "now": 100}, {"before": 6, "now": 5}, 1 / 1.25),  # saved 50 each: well saved
    ],
)
def test_a_budget_is_scaled_by_what_the_last_change_bought(spend, conversions, factor):
    rule = 'scale_on_marginal_cpa(maximum=20, campaign="a", step=0.25)'
    shown = Shown({"a": spend}, {"a": conversions}, budgets={"a": 10.0}).act(rule)
    assert shown.budgets["a"] == pytest.approx(10.0 * factor)


def test_an_automated_campaign_spends_one_budget_where_conversions_are_reported_and_bids_to_its_target():
    rule = 'automated_campaign(campaigns=("a", "b"), daily_budget=100, target=20, floor=0.2)'
    shown = Shown({"a": 80.0, "b": 180.0}, {"a": 9.0, "b": 9.0}, bids={"a": 1.0, "b": 1.0}).act(rule)
    assert shown.budgets["a"] == pytest.approx(10.0 + 80.0 * (10 / 100) / (10 / 100 + 10 / 200))
    assert sum(shown.budgets.values()) == pytest.approx(100.0)
    assert shown.bids == pytest.approx({"a": 1.1, "b": 1.0})


@pytest.mark.parametrize(
    ("process", "words"),
    [
        ('target_cpa(target=0, campaign="a")', "target_cpa.target: 0 must be a number above 0"),
        ("target_cpa(campaign='a')", "target_cpa.target: is missing"),
        ("pause_by_cpa(maximum=-1, patience=0)", "pause_by_cpa.patience: 0 must be a number above 0"),
        ("budget_by_cpa(share=1.5)", "budget_by_cpa.share: 1.5 must be a share from 0 to 1"),
        ('automated_campaign(campaigns=("a",))', "must name at least two"),
        ("target_cpi(target=3)", "'target_cpi' is unknown; did you mean target_cpa?"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(process, words):
    with pytest.raises(ScenarioError) as caught:
        find_process(process)
    assert words in str(caught.value)


# ---------------------------------------------------------------- in a market

EVERY_RULE = {
    "bids": {"use": "target_cpa", "target": 15.0, "campaign": "social.retargeting"},
    "returns": {"use": "target_roas", "target": 5.0, "campaign": "brand_search.exact", "system": "analytics"},
    "money": {"use": "budget_by_cpa", "every_days": 2.0},
    "pauses": {"use": "pause_by_cpa", "maximum": 0.1, "campaigns": ["brand_search.exact"]},
    "rotation": {"use": "creative_rotation", "campaign": "social.prospecting", "every_days": 3.0},
    "scaling": {"use": "scale_on_marginal_cpa", "maximum": 30.0, "campaign": "social.prospecting", "every_days": 2.0},
    "rival": {"use": "reacting_rival", "surface": "search", "channel": "brand_search", "every_days": 2.0},
    "automatic": {"use": "automated_campaign", "campaigns": ["social.prospecting", "video.launch"], "target": 20.0},
}


def test_every_rule_can_be_declared_in_a_scenario_and_acts_in_its_market(market):
    assert {rule["use"] for rule in EVERY_RULE.values()} == set(PROCESSES.built_in)
    market["channels"]["social"]["campaigns"]["prospecting"]["creatives"]["c"] = {"shelved": True}
    market["processes"] = EVERY_RULE
    world = simulate(load_scenario(market, {"run.users": 600, "run.days": 8.0}))
    assert {change.author for change in world.scenario.timeline if change.author} == set(EVERY_RULE)
    prices = [change.set for change in world.scenario.timeline if change.author == "rival"]
    assert all(list(values) == ["surfaces.search.rival_cpm"] for values in prices)


@pytest.fixture
def feed_and_search(market):
    """A market in which one campaign without limits does much: its bids are felt in orders."""
    social = market["channels"]["social"] | {"direct_effect": 1.0, "need_effect": 2.0, "synergy": {}}
    del social["overexposure_impressions"], social["campaigns"]["retargeting"]
    del social["campaigns"]["prospecting"]["daily_budget"], social["campaigns"]["prospecting"]["frequency_cap"]
    channels = {name: market["channels"][name] for name in ("brand_search", "organic", "direct")}
    return market | {"channels": {"social": social} | channels, "timeline": []}


def with_outage(tables):
    outage = {"start_day": 5.0, "end_day": 7.0, "systems": ["platform"]}
    return load_scenario(tables | {"tracking": {"transport": {"outages": [outage]}}})


def reported_orders(world):
    return sum(record(world).conversions("platform").values())


def bids(world):
    ticks = world.market.to_pandas()
    return ticks[(ticks["campaign"] == "prospecting") & (ticks["period"] == "reported")]["bid"].to_numpy()


def test_a_tag_outage_of_two_days_lowers_bids_and_real_orders_where_target_cpa_bids_on_the_report(feed_and_search):
    """Without the process only the report moves: not one order more or less."""
    alone, alone_out = simulate(load_scenario(feed_and_search)), simulate(with_outage(feed_and_search))
    assert alone_out.events.equals(alone.events)
    assert reported_orders(alone_out) < 0.95 * reported_orders(alone)
    bidding = feed_and_search | {"processes": {"bids": {"use": "target_cpa", "target": 0.18, "campaign": "social"}}}
    calm, out = simulate(load_scenario(bidding)), simulate(with_outage(bidding))
    assert bids(out)[:6].tolist() == bids(calm)[:6].tolist()
    assert (bids(out)[7:] <= bids(calm)[7:]).all()
    assert bids(out)[11:].mean() < 0.7 * bids(calm)[11:].mean()
    assert out.orders().num_rows < calm.orders().num_rows
    assert out.orders_until(math.inf).num_rows < 0.99 * calm.orders_until(math.inf).num_rows
