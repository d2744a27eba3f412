"""Diagnosis: planned change or fault, which fault, and when nobody can tell."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpalab.refusal import ScenarioError
from experiments.rollout.change_file import PlannedChange, apply, load_plan
from experiments.rollout.diagnosis import (
    EVERYTHING,
    NO_FAULT,
    Expectations,
    Suspect,
    expectations,
    judge,
    separations,
    today_of,
)
from experiments.rollout.observed_file import Observation, Observations, days_lost, observe, read_observations
from experiments.rollout.prediction import Prediction
from experiments.rollout.reported_cpa import Key, Split, reported_cpas, spending
from experiments.studies.diagnosis_accuracy import DiagnosisAccuracy, diagnosis_accuracy
from simulator.record.record import record
from simulator.scenario.faults import FAULTS
from simulator.scenario.loading import load_scenario
from simulator.scenario.tracking import BROWSERS
from simulator.world import World, simulate

CELLS = tuple(Key(channel, system) for channel in ("search", "social") for system in ("platform", "analytics"))
MANY = np.full(4, 1000.0)


def hand_made(sigma: float) -> Expectations:
    """Two faults that mirror each other, and one that cannot be told from the first."""
    shift = np.log(np.array([1.5, 1.0, 1.5, 1.0, 1 / 1.5, 1.0, 1 / 1.5, 1.0]))
    mirror = np.log(np.array([1.0, 1.5, 1.0, 1.5, 1.0, 1 / 1.5, 1.0, 1 / 1.5]))
    covariance = sigma**2 * np.eye(8)
    return Expectations(
        keys=CELLS,
        planned=Prediction(np.zeros(8), covariance, covariance / 2, MANY),
        faults={
            "click_id_stripped": (np.array([0.3]), (Prediction(shift, covariance, covariance / 2, MANY),)),
            "missing_linker": (np.array([1.0]), (Prediction(shift, covariance, covariance / 2, MANY),)),
            "utm_lost": (np.array([0.3]), (Prediction(mirror, covariance, covariance / 2, MANY),)),
        },
        enough=np.ones(4, np.bool_),
    )


def seen(platform: float, analytics: float) -> Observations:
    factor = {"platform": platform, "analytics": analytics}
    rows = [Observation(k.channel, k.system, 50.0, 50.0 * factor[k.system], 2.0, 2.0 / factor[k.system]) for k in CELLS]
    return Observations(tuple(rows))


def test_the_planned_change_alone_is_recognised() -> None:
    found = judge(hand_made(0.05), seen(1.02, 0.99))
    assert found.consistent
    assert found.suspects[0].fault == NO_FAULT
    assert "what the planned change alone would bring" in found.summary()


def test_mirror_pairs_localise_the_fault() -> None:
    found = judge(hand_made(0.05), seen(1.0, 1.45))
    assert not found.consistent
    assert found.suspects[0].fault == "utm_lost"
    assert "F16 utm_lost" in found.summary()
    assert "analytics moves, platform and CRM do not" in found.summary()


def test_look_alikes_are_named_together() -> None:
    found = judge(hand_made(0.05), seen(1.5, 1.0))
    assert {suspect.fault for suspect in found.look_alike} == {"click_id_stripped", "missing_linker"}
    assert "Cannot tell which of these it is" in found.summary()


def test_too_little_volume_is_admitted() -> None:
    expected = replace(hand_made(0.05), enough=np.zeros(4, np.bool_))
    found = judge(expected, seen(2.0, 1.0))
    assert found.cells == 0
    assert len(found.left_out) == 8, "CPA and ROAS of four figures"
    assert "fewer than 25 actions in a period at this volume" in found.summary()
    assert found.summary().startswith("Cannot tell")


def test_noise_alone_is_refused_as_rarely_as_promised() -> None:
    """2,000 draws from the null: the share refused lies within 4.5 standard errors of 5 %."""
    rng = np.random.default_rng(5)
    expected = hand_made(0.1)
    refused = 0
    for noise in rng.normal(0.0, 0.1, (2000, 8)):
        rows = [
            Observation(k.channel, k.system, 50.0, 50.0 * float(np.exp(a)), 2.0, 2.0 * float(np.exp(b)))
            for k, a, b in zip(CELLS, noise[:4], noise[4:], strict=True)
        ]
        refused += not judge(expected, Observations(tuple(rows))).consistent
    assert abs(refused / 2000 - 0.05) < 4.5 * np.sqrt(0.05 * 0.95 / 2000)


def incident(
    world: World, plan: Any, faults: dict[str, float], keys: Sequence[Key], split: Split | None = None
) -> Observations:
    """What a team would note if these faults came with the planned change, in the very same world."""
    extra = PlannedChange("fault", {f"tracking.faults.{name}": size for name, size in faults.items()})
    after = replace(world, scenario=apply(world.scenario, [*plan.changes, extra]))
    spent = spending(world, keys, split)
    return observe(
        reported_cpas(world, record(world), keys, spent), reported_cpas(after, record(after), keys, spent), split
    )


def test_an_exact_incident_is_found_in_the_frozen_world(world: World) -> None:
    plan = load_plan({"changes": [{"name": "utms", "set": {"tracking.transport.utm_loss": 0.0}}]}, world.scenario)
    chosen = [fault for fault in FAULTS if fault.name in ("duplicate_firing", "wrong_trigger", "value_bug")]
    expected = expectations(world, plan, people=2_000_000, faults=chosen)
    for fault in chosen:
        found = judge(expected, incident(world, plan, {fault.name: fault.usual}, expected.keys))
        assert found.suspects[0].fault == fault.name
        assert found.suspects[0].chi_squared < 1.0
    table = separations(expected).set_index("fault")
    assert (table["from_no_fault"] > 3).all()


@pytest.mark.parametrize("size", [0.37, 0.9, 1.31, 2.2])
def test_a_size_between_two_steps_is_found_in_a_large_market(size: float) -> None:
    """Steps are as wide as six standard deviations here: a fault that explains all must not look far from what was seen."""
    sizes = np.array([0.3, 0.6, 1.2, 1.8, 2.4])

    def shifted(factor: float) -> Prediction:
        return Prediction(
            np.r_[np.zeros(4), np.full(4, math.log(factor))], 0.005**2 * np.eye(8), 0.5 * 0.005**2 * np.eye(8), MANY
        )

    expected = replace(hand_made(0.005), faults={"value_bug": (sizes, tuple(map(shifted, sizes)))})
    rows = [Observation(k.channel, k.system, 50.0, 50.0, 2.0, 2.0 * size) for k in CELLS]
    found = judge(expected, Observations(tuple(rows)))
    assert found.suspects[0].fault == "value_bug"
    assert found.suspects[0].size == pytest.approx(
        size, rel=0.1
    )  # shifts are interpolated, their logarithms are not linear
    assert found.suspects[0].chi_squared < 4.0


def test_observations_are_read_and_every_mistake_is_named(tmp_path: Path, world: World) -> None:
    good = tmp_path / "observed.csv"
    good.write_text("channel,system,cpa_before,cpa_after\nvideo,platform,10,12.5\n", encoding="utf-8")
    assert read_observations(good, world.scenario).rows[0].cpa_after == 12.5
    bad = tmp_path / "bad.csv"
    bad.write_text("channel,system,cpa_before,cpa_after\nvidio,platform,10,0\nvideo,ga4,x,1\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        read_observations(bad, world.scenario)
    text = str(error.value)
    assert "line 2: channel: 'vidio' is no channel here; did you mean video?" in text
    assert "line 2: cpa_after: '0' must be a number above 0" in text
    assert "line 3: system: 'ga4' is no system here" in text
    assert "line 3: cpa_before: 'x' must be a number above 0" in text


def read(tmp_path: Path, world: World, text: str) -> Observations:
    path = tmp_path / "observed.csv"
    path.write_text(text, encoding="utf-8")
    return read_observations(path, world.scenario)


def refused(tmp_path: Path, world: World, text: str) -> str:
    with pytest.raises(ScenarioError) as error:
        read(tmp_path, world, text)
    return str(error.value)


def test_files_without_columns_rows_or_sense_are_refused(tmp_path: Path, world: World) -> None:
    head = "channel,system,cpa_before,cpa_after"
    assert "observed.csv: is empty; export it again" in refused(tmp_path, world, "")
    assert "holds a header and no rows" in refused(tmp_path, world, f"{head}\n")
    assert "column cpa_after: is missing" in refused(tmp_path, world, "channel,system,cpa_before\nvideo,crm,1\n")
    assert "only one of these at a time" in refused(tmp_path, world, f"{head},device,day\nvideo,crm,1,1,,1\n")
    assert "line 3: video crm repeats an earlier row" in refused(
        tmp_path, world, f"{head}\nvideo,crm,1,1\nvideo,crm,1,1\n"
    )
    text = refused(tmp_path, world, f"{head},browser\nvideo,crm,1,1,safri\n")
    assert "line 2: browser: 'safri' is no browser here; did you mean safari?" in text
    text = refused(tmp_path, world, f"{head},day\nvideo,crm,1,1,0\n")
    assert "line 2: day: '0' is no day here; days count from 1 to 30" in text


def test_sums_do_not_count_twice_and_nothing_counted_is_understood(tmp_path: Path, world: World) -> None:
    head = "channel,system,cpa_before,cpa_after,browser\n"
    every = "".join(f"video,crm,1,{'' if name == 'chrome' else 2},{name}\n" for name in BROWSERS)
    found = read(tmp_path, world, f"{head}{every}video,crm,1,2,\n")
    assert found.split == "browser"
    assert {seen.part: seen.emptied for seen in found.rows} == {name: name == "chrome" for name in BROWSERS}
    assert [row.in_words for row in found.sums] == ["video in crm"]


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("", ["all,analytics,1,2", "video,analytics,1,1"]),
        (",device", ["video,crm,1,2,", "video,crm,1,1,desktop"]),
        (",device", ["all,crm,1,2,desktop", "video,crm,1,1,desktop"]),
        (",day", ["all,crm,1,2,", "all,crm,1,1,1", "all,crm,1,1,2"]),
        (",segment", ["all,crm,1,2,", "all,crm,1,1,loyal"]),
    ],
)
def test_a_total_with_parts_missing_is_no_sum(tmp_path: Path, world: World, head: str, rows: list[str]) -> None:
    text = f"channel,system,cpa_before,cpa_after{head}\n" + "\n".join(rows) + "\n"
    found = read(tmp_path, world, text)
    assert len(found.rows) == len(rows)
    assert not found.sums


def test_one_more_row_does_not_hide_what_the_total_says(world: World) -> None:
    """All of analytics halved, with and without one channel's row beside it that is as expected."""
    plan = load_plan({"changes": [{"set": {"tracking.transport.utm_loss": 0.0}}]}, world.scenario)
    chosen = [fault for fault in FAULTS if fault.name in ("utm_lost", "shorter_window")]
    keys = [Key("all", "analytics"), Key("video", "analytics")]
    expected = expectations(world, plan, people=1_000_000, faults=chosen, keys=keys)
    total = Observation("all", "analytics", 100.0, 200.0)
    beside = Observation("video", "analytics", 100.0, 90.0)
    for rows in ((total,), (total, beside)):
        found = judge(expected, Observations(rows))
        assert not found.consistent
        assert found.suspects[0].fault != NO_FAULT


def test_a_change_that_is_not_live_is_named_and_so_is_half_of_one(world: World) -> None:
    plan = load_plan({"changes": [{"fault": "server_side", "size": 0.9}]}, world.scenario)
    keys = [Key(channel, system) for channel in ("social_prospecting", "all") for system in ("platform", "analytics")]
    chosen = [fault for fault in FAULTS if fault.name in ("utm_lost", "click_id_stripped", "tag_outage")]
    expected = expectations(world, plan, people=3_000_000, faults=chosen, keys=keys)
    shifts = expected.planned.mean
    for live in (0.0, 0.5):
        rows = tuple(
            Observation(key.channel, key.system, 1.0, math.exp(live * shifts[i])) for i, key in enumerate(expected.keys)
        )
        found = judge(expected, Observations(rows))
        assert found.consistent == (live > 0)  # half of the shift is within chance, and yet better explained
        assert found.suspects[0].fault == EVERYTHING
        assert found.suspects[0].size == pytest.approx(live, abs=0.21)


def test_two_faults_at_once_are_tried_where_none_alone_explains() -> None:
    expected = hand_made(0.05)
    found = judge(expected, seen(1.5, 1.5))
    assert {"click_id_stripped and utm_lost", "missing_linker and utm_lost"} == {
        suspect.fault for suspect in found.look_alike
    }
    assert judge(expected, seen(1.5, 1.0)).suspects[0].fault in ("click_id_stripped", "missing_linker")


def test_todays_value_stands_beside_the_size_of_a_fault(world: World) -> None:
    plan = load_plan({"changes": [{"set": {"tracking.transport.utm_loss": 0.0}}]}, world.scenario)
    tracking = apply(world.scenario, plan.changes).tracking
    by_name = {fault.name: fault for fault in FAULTS}
    assert today_of(by_name["utm_lost"], tracking, 30.0) == "0"
    assert today_of(by_name["tag_outage"], tracking, 30.0) == ""
    suspect = Suspect("server_side", "F5", 0.9, 0.5, 1.0, "server coverage s", "", "0.95")
    assert str(suspect) == "F5 server_side, size 0.9 (server coverage s; today 0.95): probability 50%"


def part_keys(parts: Sequence[str], channels: Sequence[str] = ("all",)) -> list[Key]:
    return [Key(c, s, part) for c in channels for s in ("platform", "analytics", "crm") for part in parts]


def test_an_outage_in_one_browser_shows_in_its_rows_and_only_there(world: World) -> None:
    plan = load_plan({"changes": [{"set": {"tracking.transport.utm_loss": 0.0}}]}, world.scenario)
    chosen = [fault for fault in FAULTS if fault.name in ("partial_outage", "tag_outage", "gateway_referral")]
    keys = part_keys(["chrome", "safari", "edge"])
    expected = expectations(world, plan, people=300_000, faults=chosen, keys=keys, split="browser")
    seen = incident(world, plan, {"partial_outage": 1.0}, keys, "browser")
    found = judge(expected, seen)
    assert not found.consistent
    assert [suspect.fault for suspect in found.look_alike] == ["partial_outage"]
    assert found.suspects[0].probability > 0.99
    assert judge(expected, incident(world, plan, {}, keys, "browser")).consistent


def test_an_outage_on_some_days_is_found_on_those_days() -> None:
    # Needs arise often and last, so that analytics counts ten orders a day: of one a day no stretch of days can be told.
    often = {
        "run.users": 20_000, "population.need_per_day.mean": 0.2, "need.satiation_days": 0.0, "need.rival_per_day": 0.01,
        "need.lapse_per_day": 0.01, "tracking.transport.server_coverage": 0.0,
    }  # fmt: skip
    world = simulate(load_scenario("dtc-apparel", often))
    plan = load_plan({"changes": [{"set": {"tracking.transport.utm_loss": 0.0}}]}, world.scenario)
    broken = {"transport": {"outages": [{"start_day": 4.0, "end_day": 9.0}]}}
    change = PlannedChange("broken", {"tracking.transport.outages": broken["transport"]["outages"]})
    keys = part_keys([str(day) for day in range(1, 31)])
    spent = spending(world, keys, "day")
    after = replace(world, scenario=apply(world.scenario, [*plan.changes, change]))
    # Platforms book on the day of the click: of the days of an outage they still claim some, by later orders.
    seen = observe(
        reported_cpas(world, record(world), keys, spent), reported_cpas(after, record(after), keys, spent), "day"
    )
    first, last = days_lost(seen) or (0, 0)
    assert abs(first - 5) <= 1
    assert abs(last - 9) <= 1
    chosen = [fault for fault in FAULTS if fault.name in ("tag_outage", "partial_outage", "late_ingestion")]
    expected = expectations(
        world, plan, people=3_000_000, faults=chosen, keys=keys, split="day", lost=(first, last)
    )  # fmt: skip
    found = judge(expected, seen)
    assert found.suspects[0].fault == "tag_outage"
    assert found.suspects[0].size == pytest.approx(5 / 30, abs=2 / 30)
    assert f"share of the days: {first} to {last}" in found.summary()


DOCUMENT = Path(__file__).parents[3] / "docs" / "diagnosis.md"


def as_document(found: DiagnosisAccuracy) -> str:
    """docs/diagnosis.md: what the study found."""
    lines = [
        "# How often diagnosis names the right fault",
        "",
        "`dtc-apparel` at its default volume, a planned repair of UTM parameters, and on top of it one fault at its usual",
        "size; periods before and after are fresh worlds with seeds of their own. Written by `make study`.",
        "",
        found.summary(),
        "The others are too small to see at this volume, or look like another: then the first answer is `no fault`, or one",
        "of a group that `cpalab rollout --observed` names together.",
        "",
        "*Distance*: standard deviations between the fault at its usual size and what looks most like it, at any size.",
        f"*First*: incidents of {found.incidents} in which it came first. *Named*: in which it was first or named as alike.",
        "",
        "| true fault | looks most like | distance | first | named | ranked first |",
        "|---|---|---:|---:|---:|---|",
    ]
    for row in found.to_frame().itertuples():
        apart = "–" if np.isnan(row.distance) else f"{min(row.distance, 999):.1f}"
        lines.append(f"| {row.fault} | {row.nearest} | {apart} | {row.first} | {row.named} | {row[6]} |")
    return "\n".join(lines) + "\n"


@pytest.mark.study
def test_confusion_of_faults_at_the_default_volume() -> None:
    """At least 80 % right among faults that lie three standard deviations from every other explanation."""
    scenario = load_scenario("dtc-apparel")
    plan = load_plan({"changes": [{"name": "utms", "set": {"tracking.transport.utm_loss": 0.0}}]}, scenario)
    found = diagnosis_accuracy(scenario, plan, seeds=range(101, 107), threads=2)
    text = as_document(found)
    sys.stdout.write(text)
    DOCUMENT.write_text(text, encoding="utf-8")
    assert len(found.distinct) >= 8
    assert found.share_right >= 0.8
    assert found.ranked[NO_FAULT][NO_FAULT] >= 5
