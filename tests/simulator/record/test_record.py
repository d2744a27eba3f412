"""The record as a whole: what perfect tracking shows, and what no change of tracking can touch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from simulator.record.record import Record, record
from simulator.record.stages.channel_group_report import channel_groups
from simulator.record.stages.identity import recognise
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.systems.analytics_journeys import recorded_journeys
from simulator.record.true_events import TrueEvents, blocks
from simulator.scenario.loading import load_scenario
from simulator.scenario.tracking import PERFECT, Tracking
from simulator.storage import fingerprint
from simulator.world import World, simulate


def last_non_direct(world: World) -> dict[str, int]:
    """Orders per channel of the last visit that was not direct, over the whole run, written plainly."""
    events = world.events.to_pandas()
    events = events[events["kind"].isin(["visit", "conversion"])]
    found: dict[str, int] = {}
    for _, life in events.groupby("user_id", sort=False):
        latest = "direct"
        for kind, channel in zip(life["kind"], life["channel"], strict=True):
            if kind == "visit" and channel != "direct":
                latest = channel
            elif kind == "conversion":
                found[latest] = found.get(latest, 0) + 1
    return found


def test_under_perfect_tracking_analytics_and_crm_agree_with_a_plain_definition(
    recorded: Callable[..., Record], world: World
) -> None:
    expected = last_non_direct(world)
    perfect = recorded()
    assert perfect.conversions("analytics") == expected
    assert perfect.conversions("crm") == expected


def test_under_perfect_tracking_networks_claim_exactly_the_fees_that_the_world_charged(
    recorded: Callable[..., Record], world: World
) -> None:
    perfect = recorded()
    assert set(perfect.billing_micros.values()) == {0}
    assert perfect.cost_micros == world.cost_micros()
    fees = world.events.filter(pc.equal(world.events["kind"], "fee"))
    claims = perfect.claims.filter(pc.greater(perfect.claims["fee_micros"], 0))
    assert sorted(claims["order_id"].to_pylist()) == sorted(fees["order_id"].to_pylist())


def test_crm_stages_are_the_log_s(recorded: Callable[..., Record], world: World) -> None:
    count = world.events.group_by("kind").aggregate([("user_id", "count")]).to_pydict()
    kinds = dict(zip(count["kind"], count["user_id_count"], strict=True))
    stages = {
        stage: sum(recorded().conversions(stage).values())
        for stage in ("crm", "crm_qualified", "crm_closed", "crm_kept")
    }
    assert stages == {
        "crm": kinds["conversion"],
        "crm_qualified": kinds["qualified"],
        "crm_closed": kinds["closed"],
        "crm_kept": kinds["closed"] - kinds["refund"],
    }


def test_the_same_record_whatever_the_blocks(world: World) -> None:
    whole = record(world, Tracking())
    parts = record(world, Tracking(), block_users=1000)
    order = ["system", "user_id", "time", "channel", "campaign", "conversions"]
    frames = [
        r.claims.to_pandas().astype(dict.fromkeys(("system", "channel", "campaign"), str)) for r in (whole, parts)
    ]
    left, right = (f.sort_values(order).reset_index(drop=True)[[*order, "value_micros", "modelled"]] for f in frames)
    pd.testing.assert_frame_equal(left, right)
    assert whole.cost_micros == parts.cost_micros


def test_recording_twice_gives_the_same_and_leaves_the_world_alone(world: World) -> None:
    before = fingerprint(world.events)
    assert record(world, Tracking()).claims.equals(record(world, Tracking()).claims)
    assert fingerprint(world.events) == before


def test_a_world_simulated_under_other_tracking_is_the_same_world(world: World) -> None:
    tables = world.scenario.model_dump()
    tables["tracking"] = Tracking(faults={"consent_banner": 0.3, "tag_outage": 0.2}).model_dump()
    assert fingerprint(simulate(load_scenario(tables)).events) == fingerprint(world.events)


def test_a_fault_on_the_timeline_begins_on_its_day(world: World) -> None:
    tables = world.scenario.model_dump()
    tables["tracking"] = PERFECT.model_dump()
    tables["timeline"] = [{"day": 20.0, "set": {"tracking.faults.duplicate_firing": 1.0}}]
    changed = World(**{**world.__dict__, "scenario": load_scenario(tables)})
    claims = record(changed).claims.to_pandas()
    claims = claims[claims["system"] == "analytics"]
    assert set(claims.loc[claims["time"] < 20, "conversions"]) == {1.0}
    assert set(claims.loc[claims["time"] >= 20, "conversions"]) == {2.0}


def test_credit_of_one_system_sums_to_what_it_observed(recorded: Callable[..., Record]) -> None:
    for rule in ("last", "first", "linear", "position", "time_decay"):
        assert sum(recorded(analytics__rule=rule).conversions("analytics").values()) == pytest.approx(
            sum(recorded().conversions("analytics").values()), rel=1e-12
        )


def test_platforms_together_claim_more_orders_than_there_are(recorded: Callable[..., Record], world: World) -> None:
    assert sum(recorded().conversions("platform").values()) > world.orders().num_rows


def cookies_per_person(world: TrueEvents, **identity: Any) -> np.ndarray:
    tables = world.scenario.model_dump()
    tables["tracking"]["identity"] |= identity
    regime = TrackingInForce.of(load_scenario(tables))
    counts = []
    for block in blocks(world, ["conversion"]):
        seen = recognise(block.visits, regime, 1)
        counts.append(np.unique(np.unique(seen.cookie) >> 24, return_counts=True)[1])
    return np.concatenate(counts)


def test_cookies_are_cleared_by_few_people_often(world: World) -> None:
    never = cookies_per_person(
        world, clear_share=0.0, serial_clear_share=0.0, cookie_days_safari=400.0, cookie_days_safari_decorated=400.0
    )
    usual = cookies_per_person(world)
    assert never.max() <= 3, "a cookie per device"
    assert usual.mean() > never.mean()
    assert np.quantile(usual, 0.5) <= 2 < np.quantile(usual, 0.97), "a heavy tail"


def test_a_gap_between_visits_is_survived_with_probability_exp_of_minus_rate_times_gap(world: World) -> None:
    """Chi-square on thirds of the expected chance; z of each below 4.5 (false alarm 1 in 50,000)."""
    tables = world.scenario.model_dump()
    tables["population"]["devices_per_person"] = [1.0]
    tables["tracking"]["identity"] |= {
        "clear_share": 1.0,
        "clears_per_month": 3.0,
        "serial_clear_share": 0.0,
        "browsers": {"chrome": 1.0},
    }
    regime = TrackingInForce.of(load_scenario(tables))
    block = next(blocks(world, ["conversion"]))
    seen = recognise(block.visits, regime, 5)
    visits = block.visits
    later = np.flatnonzero((visits.user[1:] == visits.user[:-1]) & (visits.device[1:] == visits.device[:-1])) + 1
    expected = 1 - np.exp(-3.0 / 30.0 * (visits.time[later] - visits.time[later - 1]))
    for third in np.array_split(np.argsort(expected), 3):
        p = expected[third]
        z = (seen.fresh[later][third].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum())
        assert abs(z) < 4.5


def test_false_joins_mix_two_people_and_nobody_else(world: World) -> None:
    tables = world.scenario.model_dump()
    tables["tracking"]["identity"] |= {"graph_false_join_share": 0.3, "log_in_share": 0.0}
    block = next(blocks(world, ["conversion"]))
    seen = recognise(block.visits, TrackingInForce.of(load_scenario(tables)), 5)
    owners = pd.DataFrame({"visitor": seen.visitor, "user": block.visits.user}).groupby("visitor")["user"].unique()
    shared = owners[owners.map(len) > 1]
    assert len(shared) > 0
    assert all(len(people) == 2 and people[0] >> 1 == people[1] >> 1 for people in shared)


def test_late_consent_hides_the_source_of_fresh_cookies_where_a_banner_asks(recorded: Callable[..., Record]) -> None:
    late = {"consent__late_share": 1.0, "identity__log_in_share": 0.0, "consent__asked": ["eu"]}
    claims = recorded(**late).claims.to_pandas()
    claims = claims[claims["system"] == "analytics"]
    direct = claims["channel"].astype(str).eq("direct").groupby(claims["geo"].astype(str)).mean()
    assert direct["eu"] > 3 * direct["us"]


def test_recorded_journeys_hold_what_analytics_counts(world: World) -> None:
    touches, conversions = recorded_journeys(world)
    today = record(world)
    assert conversions.num_rows == sum(today.conversions("analytics").values())
    sessions = today.sessions.to_pandas().set_index("channel")["analytics_sessions"]
    assert touches["channel"].value_counts().to_pylist()
    assert touches.num_rows == sessions.sum() < today.sessions.to_pandas()["visits"].sum()


def test_a_mistyped_utm_makes_a_channel_unassigned_and_no_other(recorded: Callable[..., Record]) -> None:
    before = recorded().conversions("analytics")
    after = recorded(transport__utm_mistyped={"social": 1.0}).conversions("analytics")
    assert "social" not in after
    assert after["unassigned"] == before["social"]
    assert {c: n for c, n in after.items() if c != "unassigned"} == {c: n for c, n in before.items() if c != "social"}


def with_utm(source: str, medium: str) -> dict[str, Any]:
    return {"transport__utm": {"social": {"source": source, "medium": medium}}}


@pytest.mark.parametrize(
    ("medium", "shown"), [("paid_social", "social"), ("facebookads", "organic_social"), ("social", "organic_social")]
)
def test_utm_parameters_decide_by_published_rules_where_clicks_are_shown(
    recorded: Callable[..., Record], medium: str, shown: str
) -> None:
    before = recorded().conversions("analytics")
    after = recorded(**with_utm("facebook", medium)).conversions("analytics")
    assert after[shown] == before["social"]
    assert sum(after.values()) == sum(before.values())
    assert {c: n for c, n in after.items() if c != shown} == {c: n for c, n in before.items() if c != "social"}


def test_a_medium_that_no_rule_knows_is_unassigned_and_moves_no_platform(recorded: Callable[..., Record]) -> None:
    before, after = recorded(), recorded(**with_utm("newsletter_7", "blast"))
    assert after.conversions("analytics")["unassigned"] == before.conversions("analytics")["social"]
    assert after.conversions("platform") == before.conversions("platform")


def test_channel_groups_hold_what_analytics_holds(recorded: Callable[..., Record], world: World) -> None:
    tables = world.scenario.model_dump()
    tables["tracking"] = PERFECT.model_dump()
    tables["tracking"]["transport"]["utm"] = {
        "search": {"source": "google", "medium": "cpc"}, "social": {"source": "facebook", "medium": "blast"},
    }  # fmt: skip
    scenario = load_scenario(tables)
    found = record(World(**{**world.__dict__, "scenario": scenario}))
    rows = {row["channel_group"]: row for row in channel_groups(found, scenario).to_pylist()}
    before = recorded().conversions("analytics")
    assert rows["paid_search"]["conversions"] == before["search"]
    assert rows["paid_search"]["cost_micros"] == found.cost_micros["search"]
    assert rows["organic_social"]["conversions"] == before["social"], "a source of people, a medium of nobody"
    assert rows["partner"]["conversions"] == before["partner"], "without parameters: the channel's own name"
    assert sum(row["conversions"] for row in rows.values()) == sum(before.values())
    assert sum(row["sessions"] for row in rows.values()) == sum(found.sessions["analytics_sessions"].to_pylist())
    assert sum(row["cost_micros"] for row in rows.values()) == sum(found.cost_micros.values())


def test_small_rows_are_withheld_and_do_not_add_up(recorded: Callable[..., Record]) -> None:
    before = recorded().conversions("analytics")
    least = sorted(before.values())[1]
    after = recorded(analytics__threshold_conversions=least).conversions("analytics")
    assert after == {channel: n for channel, n in before.items() if n >= least}
    assert len(after) == len(before) - 1


def test_without_consent_tags_see_nothing_and_the_crm_sees_everything(
    recorded: Callable[..., Record], world: World
) -> None:
    nobody = recorded(consent__share=0.0)
    assert nobody.conversions("platform") == {}
    assert nobody.conversions("analytics") == {}
    assert sum(nobody.conversions("crm").values()) == world.orders().num_rows
    assert nobody.billing_micros["partner"] == -sum(
        world.events.filter(pc.equal(world.events["kind"], "fee"))["cost_micros"].to_pylist()
    ), "a network that sees no order is owed nothing"
