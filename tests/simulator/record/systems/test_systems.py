"""Each system by its own rules: windows, counting, booking, offline import, channel groups, postbacks, noise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from simulator.record.record import Record, record
from simulator.record.systems.aggregate import aggregate_report, laplace, standard_error, unbiased
from simulator.record.systems.postbacks import postbacks
from simulator.scenario.faults import changed
from simulator.scenario.loading import load_scenario
from simulator.scenario.tracking import PERFECT, Aggregate
from simulator.world import World


def platform_claims(record: Record) -> pd.DataFrame:
    claims = record.claims.to_pandas()
    return claims[(claims["system"] == "platform") & claims["channel"].isin(["search", "social"])]


def test_every_claim_lies_within_its_window(recorded: Callable[..., Record]) -> None:
    claims = platform_claims(recorded(platform__click_days=5.0, platform__view_days=0.5))
    lag = claims["time"] - claims["touch_time"]
    assert lag[~claims["view_through"]].between(0, 5.0).all()
    assert lag[claims["view_through"]].between(0, 0.5).all()
    assert claims["view_through"].any()


def test_a_click_beats_a_view(recorded: Callable[..., Record], world: World) -> None:
    claims = platform_claims(recorded(platform__click_days=30.0, platform__view_days=30.0))
    clicks = world.events.filter(pc.equal(world.events["kind"], "click")).to_pandas()
    by_user = clicks[clicks["channel"] == "social"].groupby("user_id")["time"].apply(np.array)
    views = claims[claims["view_through"] & (claims["channel"] == "social")]
    for user, time, visit in zip(views["user_id"], views["time"], views["visit_time"], strict=True):
        own = by_user.get(user, np.empty(0))
        assert not ((own <= visit) & (own >= time - 30.0)).any()


def test_engaged_views_claim_within_their_own_window_and_beat_other_views(recorded: Callable[..., Record]) -> None:
    views = {"platform__click_days": 0.01, "platform__view_days": 0.5}
    every = recorded(**views, platform__engaged_days=3.0, platform__engaged_share=1.0)
    longer = recorded(**{**views, "platform__view_days": 3.0})
    assert every.conversions("platform") == longer.conversions("platform"), "if all are engaged, the window is theirs"
    nobody = recorded(**views, platform__engaged_days=3.0)
    assert nobody.conversions("platform") == recorded(**views).conversions("platform")
    some = platform_claims(recorded(**views, platform__engaged_days=3.0, platform__engaged_share=0.3))
    lag = some["time"] - some["touch_time"]
    assert lag[some["view_through"]].max() > 0.5
    assert lag[some["view_through"]].le(3.0).all()


def test_a_click_beats_an_engaged_view(recorded: Callable[..., Record]) -> None:
    plain = platform_claims(recorded(platform__view_days=0.0))
    engaged = platform_claims(
        recorded(platform__view_days=0.0, platform__engaged_days=30.0, platform__engaged_share=1.0)
    )
    clicks = engaged[~engaged["view_through"]]
    assert len(engaged) > len(clicks)
    assert clicks["touch_time"].tolist() == plain["touch_time"].tolist()


def test_counting_one_per_click_never_counts_a_click_twice(recorded: Callable[..., Record]) -> None:
    every = platform_claims(recorded(platform__view_days=0.0))
    one = platform_claims(recorded(platform__view_days=0.0, platform__counting="one", transport__duplicate_rate=2.0))
    touch = ["user_id", "channel", "touch_time"]
    assert every.duplicated(touch).any()
    assert not one.duplicated(touch).any()
    assert set(one["conversions"]) == {1.0}
    assert len(one) == len(every.drop_duplicates(touch))


def test_booking_by_click_or_by_conversion(recorded: Callable[..., Record]) -> None:
    by_click = platform_claims(recorded())
    by_conversion = platform_claims(recorded(platform__booking="conversion_date"))
    assert (by_click["booked"] == by_click["touch_time"]).all()
    assert (by_conversion["booked"] == by_conversion["time"]).all()


def test_offline_import_counts_the_crm_s_stage_by_click_id(recorded: Callable[..., Record]) -> None:
    online = platform_claims(recorded(platform__view_days=0.0))
    offline = platform_claims(recorded(platform__view_days=0.0, platform__offline_import="qualified"))
    assert 0 < len(offline) < len(online)
    assert set(offline["order_id"]) <= set(online["order_id"])


def test_platforms_see_their_own_touches_only(recorded: Callable[..., Record]) -> None:
    both = recorded().conversions("platform")
    pooled = recorded(platforms={"one": {"channels": ["search", "social"], "match_share": 1.0}}).conversions("platform")
    assert pooled["search"] + pooled["social"] < both["search"] + both["social"]


def with_tracking(world: World, **tables: object) -> World:
    scenario = world.scenario.model_dump()
    for name, values in tables.items():
        scenario["tracking"][name] |= values
    return World(**{**world.__dict__, "scenario": load_scenario(scenario)})


def test_postbacks_come_late_and_hide_values_of_small_crowds(world: World) -> None:
    sent = postbacks(with_tracking(world, postbacks={"crowd_minimum": 15.0})).to_pandas()
    first = sent[sent["sequence"] == 1]
    assert first["coarse_value"].isna().any()
    assert first["coarse_value"].notna().any()
    assert sent.loc[sent["sequence"] > 1, "coarse_value"].notna().all()
    assert set(sent["coarse_value"].dropna()) == {"none", "low", "medium", "high"}
    assert (sent["arrival"] >= 3.0).all(), "two days of window and at least one of delay"
    everyone = postbacks(with_tracking(world, identity={"app_permission_share": 1.0}))
    assert everyone.num_rows == 0, "who lets apps track them is no matter of postbacks"


def test_noisy_conversions_are_unbiased(world: World) -> None:
    """z below 4.5 for each of four channels and noise levels (false alarm below 1 in 30,000)."""
    exact = aggregate_report(with_tracking(world, aggregate={"flip_share": 0.0, "epsilon": 1e9})).to_pandas()
    for flip in (0.0024, 0.3):
        noisy = aggregate_report(with_tracking(world, aggregate={"flip_share": flip})).to_pandas()
        z = (noisy["conversions"] - exact["conversions"]) / noisy["conversions_standard_error"]
        assert (z.abs() < 4.5).all()
    assert (noisy["seen"] > exact["conversions"]).all(), "what is seen raw is far too much"


def test_the_estimator_inverts_its_expectation() -> None:
    rules = Aggregate(flip_share=0.2, outputs=8)
    reports, true = np.array([1000.0]), np.array([40.0])
    assert unbiased(0.8 * true + reports * 0.2 * 7 / 8, reports, rules) == pytest.approx(true)
    assert standard_error(reports, Aggregate(flip_share=0.0)) == 0


def test_laplace_has_variance_two() -> None:
    """Quantiles of a fine grid, no chance."""
    grid = (np.arange(200_000) + 0.5) / 200_000
    assert laplace(grid).mean() == pytest.approx(0, abs=1e-9)
    assert laplace(grid).var() == pytest.approx(2, rel=1e-3)


def test_search_has_no_view_through_unless_the_scenario_says_so(recorded, world) -> None:
    """Where people who are looking come by a result of their own, an ad that nobody clicked claims nothing."""

    def views(found) -> set[str]:
        claims = found.claims.to_pandas()
        return set(claims[(claims["system"] == "platform") & claims["view_through"]]["channel"])

    assert views(recorded(platform__view_days=7.0)) == {"social"}
    surfaces = dict(world.scenario.surfaces)
    surfaces["search"] = surfaces["search"].model_copy(update={"view_through": True})
    surfaces["feed"] = surfaces["feed"].model_copy(update={"view_through": False})
    scenario = world.scenario.model_copy(update={"surfaces": surfaces})
    assert views(record(replace(world, scenario=scenario), changed(PERFECT, {"platform.view_days": 7.0}))) == {"search"}
