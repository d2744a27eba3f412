"""Rollout: expected shifts, exact parts, billing, verification, and refusal of what is no change of tracking."""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from cpalab.refusal import ScenarioError
from experiments.cli.rollout.rollout import between, factor
from experiments.report.numerals import money
from experiments.rollout import rollout
from experiments.rollout.change_file import Plan, PlannedChange, apply, change_files, load_plan
from experiments.rollout.reported_cpa import ALL, SYSTEMS
from experiments.rollout.rollout import BILLING, Rollout, parallel_days, roll_out
from simulator.scenario.loading import load_scenario, presets
from simulator.world import World, simulate


def plan_of(world: World, *changes: dict[str, Any]) -> Any:
    return load_plan({"title": "test", "changes": list(changes)}, world.scenario)


def test_nothing_changes_where_nothing_is_changed(world: World) -> None:
    same = plan_of(
        world, {"name": "same", "set": {"tracking.transport.utm_loss": world.scenario.tracking.transport.utm_loss}}
    )
    found = roll_out(world, same, verify=False, replicates=20)
    for shift in found.shifts:
        if math.isfinite(shift.multiplier):
            assert shift.multiplier == shift.lower == shift.upper == 1.0
            assert shift.alert_lower < 1 < shift.alert_upper


def test_parts_multiply_to_the_whole_exactly_and_billing_is_one_of_them(world: World) -> None:
    plan = plan_of(
        world,
        {"name": "server side", "fault": "server_side"},
        {"name": "window", "fault": "F10", "size": 3.0},
        {"name": "banner", "fault": "consent_banner", "size": 0.4},
    )
    found = roll_out(world, plan, verify=False, replicates=20)
    checked = 0
    for shift in found.shifts:
        if math.isfinite(shift.multiplier) and all(map(math.isfinite, shift.parts.values())):
            assert math.prod(shift.parts.values()) == pytest.approx(shift.multiplier, rel=1e-9)
            checked += 1
    assert checked >= 20
    shift = found.shift(ALL, "platform")
    assert set(shift.parts) == {"server side", "window", "banner", BILLING}
    assert shift.parts["server side"] < 1 < shift.parts["window"]
    assert found.billing_micros.keys() == {"coupon"}
    assert found.billing_micros["coupon"] < 0, "a network that loses claims is paid less"
    assert found.shift("coupon", "platform").parts[BILLING] < 1


def test_a_change_of_one_system_moves_no_other(world: World) -> None:
    found = roll_out(world, plan_of(world, {"name": "s", "fault": "server_side"}), verify=False, replicates=20)
    platform = found.shift(ALL, "platform")
    assert platform.upper < 1
    assert platform.lower <= platform.multiplier <= platform.upper
    for system in ("analytics", "crm"):
        assert found.shift(ALL, system).multiplier == 1.0


def test_a_value_bug_moves_roas_and_not_cpa(world: World) -> None:
    found = roll_out(
        world, plan_of(world, {"name": "v", "fault": "value_bug", "size": 1.3}), verify=False, replicates=20
    )
    shift = found.shift("retargeting", "platform")
    assert shift.multiplier == 1.0
    assert shift.roas_multiplier == pytest.approx(1.3, rel=1e-6)


def test_everything_real_is_the_same_event_for_event(world: World) -> None:
    found = roll_out(world, plan_of(world, {"name": "c", "fault": "consent_banner", "size": 0.3}), replicates=20)
    assert found.verification is not None
    assert found.verification.passed
    assert found.verification.orders == world.orders().num_rows
    assert "the same, event for event" in found.summary()


def test_the_whole_table_leaves_its_bands_once_in_twenty(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each of n rows leaves its own band with a chance of 5 % / n: together at most 5 %.
    alone, made = [], rollout._shift

    def also_alone(*given: Any) -> Any:
        *others, rows = given
        alone.append((rows, made(*others, 1)))  # type: ignore[call-arg]  # unpacked
        return made(*given)

    monkeypatch.setattr(rollout, "_shift", also_alone)
    found = roll_out(world, plan_of(world, {"name": "s", "fault": "server_side"}), verify=False, replicates=20)
    rows = len(found.shifts)
    assert rows > 1
    for shift, (given, single) in zip(found.shifts, alone, strict=True):
        assert given == rows
        if math.isfinite(shift.multiplier):
            wider = math.log(shift.alert_upper / shift.alert_lower) / math.log(single.alert_upper / single.alert_lower)
            assert wider == pytest.approx(norm.isf(0.025 / rows) / norm.isf(0.025))


def test_a_larger_market_narrows_intervals_to_what_the_simulation_leaves_open(world: World) -> None:
    plan = plan_of(world, {"name": "s", "fault": "server_side"})
    small, large, endless = (
        roll_out(world, plan, verify=False, people=people).shift(ALL, "platform")
        for people in (30_000, 100 * 30_000, 10**9 * 30_000)
    )
    assert small.multiplier == large.multiplier
    of_interval, of_band = (
        [math.log(upper / lower) for lower, upper in ends]
        for ends in (
            [(shift.lower, shift.upper) for shift in (small, large, endless)],
            [(shift.alert_lower, shift.alert_upper) for shift in (small, large, endless)],
        )
    )
    # Of the variance in a market as large as the simulated one, half is the simulation's own: 1.41, within 4 errors of 400.
    assert of_interval[0] / of_interval[2] == pytest.approx(math.sqrt(2), rel=0.25)
    assert of_interval[1] == pytest.approx(of_interval[2], rel=0.25)
    assert of_band[0] > of_band[1] > of_band[2] > 0.5 * of_interval[2]
    assert large.parallel_days == pytest.approx(small.parallel_days / 100, rel=1e-9)


def test_a_handful_of_actions_that_are_all_kept_is_no_certainty(world: World) -> None:
    found = roll_out(world, plan_of(world, {"name": "s", "fault": "server_side"}), verify=False)
    few = [shift for shift in found.shifts if shift.system == "platform" and shift.multiplier == 1.0]
    assert few, "a channel whose few claims the change leaves as they are"
    for shift in few:
        assert shift.lower < 0.99
        assert shift.upper > 1.01
    # Server-side events touch no action in analytics or CRM, be there few or many.
    assert {(c.lower, c.upper) for c in found.shifts if c.system == "crm" and c.multiplier == 1.0} == {(1.0, 1.0)}


def test_a_handful_of_actions_in_a_whole_system_does_not_show_that_it_is_untouched() -> None:
    tiny = simulate(load_scenario("dtc-apparel", {"run.users": 4_000, "tracking.transport.server_coverage": 0.0}))
    found = roll_out(tiny, plan_of(tiny, {"name": "s", "fault": "server_side"}), verify=False, replicates=100)
    known = [shift for shift in found.shifts if shift.system == "crm" and math.isfinite(shift.multiplier)]
    assert known
    assert all(shift.lower < shift.multiplier == 1.0 < shift.upper for shift in known)


def test_days_of_parallel_run_have_the_power_they_claim() -> None:
    """4,000 simulated incidents: the share detected lies within 4.5 standard errors and 5 points of 80 %."""
    rng = np.random.default_rng(3)
    fault, per_day = 0.2, 10.0
    days = parallel_days(per_day, 0.0, fault)
    n = round(days * per_day)
    kept = rng.binomial(n, 1 - fault, 4000)
    detected = np.abs(np.log(kept / n)) / math.sqrt(fault / (1 - fault) / n) > 1.959964
    assert abs(detected.mean() - 0.8) < 4.5 * math.sqrt(0.8 * 0.2 / 4000) + 0.05


def test_delivery_is_a_part_of_its_own_and_only_on_request(world: World) -> None:
    change = {
        "name": "banner", "fault": "consent_banner", "size": 0.5,
        "delivery": {"channels.retargeting.campaigns.visitors.targeting.audience_days": 3.0},
    }  # fmt: skip
    without = roll_out(world, plan_of(world, change), verify=False, replicates=20)
    assert "delivery of banner" not in without.shift(ALL, "platform").parts
    with_it = roll_out(world, plan_of(world, change), with_delivery=True, replicates=20)
    assert with_it.verification is None
    shift = with_it.shift("retargeting", "platform")
    assert shift.parts["delivery of banner"] != 1.0
    assert math.prod(shift.parts.values()) == pytest.approx(shift.multiplier, rel=1e-9)


def refused(world: World, *changes: dict[str, Any]) -> list[str]:
    with pytest.raises(ScenarioError) as error:
        plan_of(world, *changes)
    return [str(problem) for problem in error.value.lines]


def test_slips_in_a_change_file_have_a_hint() -> None:
    scenario = load_scenario("dtc-apparel")

    def problems(tables: Any) -> list[str]:
        with pytest.raises(ScenarioError) as error:
            load_plan(tables, scenario)
        return [str(problem) for problem in error.value.lines]

    hint = "write one [[changes]] table for each change"
    assert problems({}) == [f"changes: is needed and missing; {hint}"]
    assert problems({"changes": {"fault": "F1"}}) == [f"changes: must be a list; {hint}"]
    assert problems({"changes": []})[0].endswith(hint)
    assert problems({"change": [], "changes": [{"falt": "F1"}]}) == [
        "changes.0.falt: unknown key; did you mean fault?",
        "change: unknown key; did you mean changes?",
    ]
    assert problems({"changes": [{"set": {"transport.utm_loss": 0.1}}]}) == [
        "changes.0.set.transport: unknown key; did you mean tracking.transport.utm_loss?"
    ]


def test_a_change_without_a_name_is_called_what_it_does(world: World) -> None:
    plan = plan_of(world, {"fault": "F3"}, {"set": {"tracking.transport.utm_loss": 0.0}})
    assert [change.name for change in plan.changes] == ["F3", "utm_loss"]


def test_a_change_that_touches_the_real_world_is_refused(world: World) -> None:
    assert refused(world, {"set": {"channels.video.half_life_days": 3.0}}) == [
        'changes.0.set.channels.video.half_life_days: changes what happens, in a change of tracking; say kind = "world" if '
        "it is meant to; then the world is run again"
    ]


def test_every_mistake_is_named_at_once(world: World) -> None:
    found = refused(
        world,
        {"name": "a", "fault": "tag_outtage"},
        {"name": "b", "size": 0.3, "set": {"tracking.transport.utm_los": 0.1}},
        {"name": "c", "kind": "world", "set": {"run.seed": 2}},
        {"name": "d"},
    )
    assert found[0] == "changes.0.fault: 'tag_outtage' is no fault of the library; did you mean tag_outage?"
    assert "changes.1.size: belongs to a fault; name one with fault = …" in found
    assert any(line.startswith("changes.1.set.tracking.transport.utm_los: unknown key") for line in found)
    assert (
        "changes.2.set.run.seed: cannot be part of a change of the world; both worlds must hold the same people and sessions"
        in found
    )
    assert "changes.3: changes nothing; give set = { … } or fault = …" in found


def test_impossible_windows_and_sizes_are_refused(world: World) -> None:
    assert refused(world, {"set": {"tracking.platform.click_days": 0.0}}) == [
        "tracking.platform.click_days: 0.0 must be greater than 0"
    ]
    assert "must lie between 0 and 0.99" in refused(world, {"fault": "utm_lost", "size": 2.0})[0]


def test_every_change_file_that_ships_fits_the_scenario_of_its_name() -> None:
    for name, path in change_files().items():
        assert name in presets()
        assert load_plan(path, load_scenario(name)).changes


def test_the_published_case_is_repair_work_and_dearer_orders() -> None:
    scenario = load_scenario("apparel-rescue", {"run.users": 40_000})
    plan = load_plan("apparel-rescue", scenario)
    assert [change.real for change in plan.changes] == [False, False, True, True, True]
    changed = apply(scenario, plan.changes)
    assert changed.tracking.transport.server_coverage == 0.95
    assert apply(scenario, [PlannedChange("none", {})]) == scenario
    before, after = (s.order.value.mean for s in (scenario, changed))
    assert after / before == 140.0 / 120.0, "ROAS 2 × CPA 60 and ROAS 5 × CPA 28"


def test_dearer_orders_move_roas_and_no_order() -> None:
    scenario = load_scenario("apparel-rescue", {"run.users": 20_000})
    dearer = PlannedChange("dearer orders", {"order.value.mean": 126.0}, real=True)
    found = roll_out(simulate(scenario), Plan("", (dearer,)), replicates=20)
    assert found.verification is None, "the world is meant to change"
    for system in SYSTEMS:
        shift = found.shift(ALL, system)
        assert shift.multiplier == 1.0
        assert shift.roas_multiplier == pytest.approx(126 / 108, rel=1e-4)


def test_the_table_has_a_row_for_every_channel_and_system(world: World) -> None:
    found = roll_out(world, plan_of(world, {"name": "s", "fault": "server_side"}), verify=False, replicates=20)
    assert len(found.to_frame()) == (len(world.scenario.paid_channels()) + 1) * len(SYSTEMS)


GUIDE = Path(__file__).parents[3] / "docs" / "rollout.md"
BEGIN, END = "<!-- the published case, written by `make study` -->\n", "<!-- end -->\n"
BEGIN_EXAMPLE = "<!-- what it prints for two channels and the whole, written by `make study` -->\n"


def example_of_the_guide() -> Mapping[str, Any]:
    """The change file that the guide shows."""
    text = GUIDE.read_text(encoding="utf-8")
    return next(
        tables
        for block in re.findall(r"```toml\n(.*?)```", text, re.S)
        if "changes" in (tables := tomllib.loads(block))
    )


def put_into_guide(begin: str, table: str) -> None:
    before, rest = GUIDE.read_text(encoding="utf-8").split(begin)
    GUIDE.write_text(before + begin + table + END + rest.split(END, 1)[1], encoding="utf-8")


def test_every_change_of_the_guides_example_changes_what_is_recorded() -> None:
    scenario = load_scenario("dtc-apparel")
    for change in load_plan(example_of_the_guide(), scenario).changes:
        assert apply(scenario, [change]).tracking != scenario.tracking, change.name


def as_rows(found: Rollout, channels: Sequence[str]) -> str:
    """The table that `cpalab rollout` prints, for some channels."""
    lines = [
        "| channel | system | CPA today | CPA tomorrow | expected × | 95 % interval | suspect a bug outside "
        "| days side by side |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for shift in found.shifts:
        if shift.channel in channels:
            lines.append(
                f"| {shift.channel} | {shift.system} | {money(shift.cpa_today)} | {money(shift.cpa_tomorrow)} "
                f"| {factor(shift.multiplier)} | {between(shift.lower, shift.upper)} "
                f"| {between(shift.alert_lower, shift.alert_upper)} | {shift.parallel_days:,.1f} |"
            )
    return "\n".join(lines) + "\n"


@pytest.mark.study
def test_the_example_in_the_guide() -> None:
    """A shorter view window loses claims that follow views, and nothing else; the banner loses claims and visits."""
    scenario = load_scenario("dtc-apparel")
    found = roll_out(simulate(scenario), load_plan(example_of_the_guide(), scenario), verify=False, people=500_000)
    window, banner = (
        found.shift("retargeting", "platform").parts[name] for name in ("shorter view window", "consent banner")
    )
    assert window > 1.05
    assert banner > 1.05
    assert found.shift("retargeting", "analytics").parts["shorter view window"] == 1.0
    put_into_guide(BEGIN_EXAMPLE, as_rows(found, ("retargeting", "video", ALL)))


def as_table(found: Rollout) -> str:
    """The case's lines for all paid channels: CPA, ROAS, and the factor of each change."""
    parts = list(found.shifts[0].parts)
    lines = [
        f"| system | CPA | ROAS | expected × | {' | '.join(f'{part} ×' for part in parts)} |",
        "|---|---|---|---:|" + "---:|" * len(parts),
    ]
    for system in SYSTEMS:
        shift = found.shift(ALL, system)
        factors = " | ".join(f"{shift.parts[part]:.3f}" for part in parts)
        lines.append(
            f"| {system} | {shift.cpa_today:.2f} → {shift.cpa_tomorrow:.2f} "
            f"| {shift.roas_today:.2f} → {shift.roas_tomorrow:.2f} | {shift.multiplier:.3f} | {factors} |"
        )
    return "\n".join(lines) + "\n"


@pytest.mark.study
def test_the_published_case_in_the_guide() -> None:
    """CPA 60 → 28 and ROAS 2 → 5 were published; the preset comes near, and repair alone explains a part of it."""
    scenario = load_scenario("apparel-rescue")
    found = roll_out(simulate(scenario), load_plan("apparel-rescue", scenario), replicates=20)
    shift = found.shift(ALL, "platform")
    assert shift.cpa_today == pytest.approx(60, rel=0.1)
    assert shift.cpa_tomorrow == pytest.approx(28, rel=0.15)
    assert shift.roas_today == pytest.approx(2, rel=0.1)
    assert shift.roas_tomorrow == pytest.approx(5, rel=0.15)
    assert 0.7 < shift.parts["server-side events"] < 0.9
    put_into_guide(BEGIN, as_table(found))


def test_where_delivery_follows_the_record_a_banner_shrinks_audiences_by_itself(world: World) -> None:
    """Nobody types in what a consent banner does to retargeting: the world is run again under it."""
    follows = load_scenario(world.scenario.model_dump(), {"delivery.follows": "record"})
    own = simulate(follows)
    change = {"name": "banner", "set": {"tracking.consent.share": 0.3}}
    alone = roll_out(own, plan_of(own, change), replicates=20)
    assert alone.verification is None
    assert "delivery of ads is held as it was" in alone.summary()
    with_it = roll_out(own, plan_of(own, change), with_delivery=True, replicates=20)
    part = "delivery of all that is tracked"
    assert part in with_it.shifts[0].parts
    assert part not in alone.shifts[0].parts
    for shift in with_it.shifts:
        if math.isfinite(shift.multiplier) and all(map(math.isfinite, shift.parts.values())):
            assert math.prod(shift.parts.values()) == pytest.approx(shift.multiplier, rel=1e-9)
    moved = [shift.parts[part] for shift in with_it.shifts if shift.channel == "retargeting"]
    assert any(factor_ != 1.0 for factor_ in moved if math.isfinite(factor_))
    fewer = simulate(load_scenario(follows.model_dump(), {"tracking.consent.share": 0.3}))
    assert impressions(fewer, "retargeting") < 0.5 * impressions(own, "retargeting")


def impressions(world: World, channel: str) -> int:
    events = world.events.to_pandas()
    return int(((events["kind"] == "impression") & (events["channel"] == channel)).sum())


def test_where_a_process_bids_on_the_report_a_change_of_tracking_moves_what_it_does(world: World) -> None:
    """Held, its acts are replayed and nothing real moves; with delivery, the process runs again on what it is shown."""
    run = {"run.users": 4_000, "run.days": 10.0}
    declared = load_scenario(world.scenario.model_dump() | {"processes": {"money": {"use": "budget_by_cpa"}}}, run)
    own = simulate(declared)
    assert {change.author for change in own.scenario.timeline if change.author} == {"money"}
    change = {"name": "banner", "set": {"tracking.consent.share": 0.2}}
    held = roll_out(own, plan_of(own, change), replicates=20)
    assert held.verification is None
    assert "or processes do that act in its market" in held.summary()
    part = "delivery of all that is tracked"
    assert part not in held.shifts[0].parts
    free = roll_out(own, plan_of(own, change), with_delivery=True, replicates=20)
    moved = [shift.parts[part] for shift in free.shifts if math.isfinite(shift.parts[part])]
    assert max(abs(math.log(factor)) for factor in moved) > 1e-3
