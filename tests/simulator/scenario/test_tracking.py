"""Tracking in a scenario file: defaults, and everything wrong refused at once with place, value, rule and hint."""

from typing import Any

import pytest

from cpalab.refusal import ScenarioError
from simulator.scenario.loading import load_scenario

SMALL: dict[str, Any] = {
    "funnel": [{"name": "lead", "rate": 0.5}, {"name": "order", "rate": 0.5}],
    "surfaces": {
        "web": {"weights": {"out_of_market": 1.0, "in_market": 1.0, "visited": 1.0, "late": 1.0}, "slot_share": 1.0}
    },
    "channels": {"search": {"surface": "web", "campaigns": {"main": {"bid": 1.0}}}},
}


def problems(**tracking: Any) -> list[str]:
    with pytest.raises(ScenarioError) as error:
        load_scenario({**SMALL, "tracking": tracking})
    return [str(problem) for problem in error.value.problems]


def test_a_scenario_without_tracking_has_the_usual_one() -> None:
    assert load_scenario(SMALL).tracking.platform.click_days == 30.0


def test_every_problem_is_named_at_once() -> None:
    found = problems(
        platforms={"google": {"channels": ["serch"]}},
        transport={"action": "lead_form", "outages": [{"start_day": 5.0, "end_day": 4.0}]},
        consent={"asked": ["eu"], "accept": {"uk": 0.5}},
        faults={"tag_outtage": 0.1, "duplicate_firing": 99.0},
    )
    assert found == [
        "tracking.consent.accept.uk: 'uk' is no place of this scenario; known here: us",
        "tracking.consent.asked: 'eu' is no place of this scenario; known here: us",
        "tracking.transport.action: 'lead_form' is no action of this scenario; did you mean lead?",
        "tracking.transport.outages.0.end_day: 4 must be after start_day (5)",
        "tracking.platforms.google.channels: 'serch' is no paid channel of this scenario; did you mean search?",
        "tracking.faults.tag_outtage: 'tag_outtage' is no fault of the library; did you mean tag_outage?",
        "tracking.faults.duplicate_firing: 99 must lie between 0 and 20 (repeats per action)",
    ]


def test_impossible_windows_and_shares_are_refused() -> None:
    assert problems(platform={"click_days": 0.0}) == ["tracking.platform.click_days: 0.0 must be greater than 0"]
    assert problems(platform={"click_days": 120.0}) == [
        "tracking.platform.click_days: 120.0 must be less than or equal to 90"
    ]
    assert problems(transport={"pixel_coverage": 1.2}) == [
        "tracking.transport.pixel_coverage: 1.2 must be less than or equal to 1"
    ]


def test_a_channel_belongs_to_one_platform() -> None:
    assert problems(platforms={"a": {"channels": ["search"]}, "b": {"channels": ["search"]}}) == [
        "tracking.platforms.b.channels: 'search' belongs to platform a already"
    ]


def test_unknown_keys_have_a_hint() -> None:
    assert problems(transport={"pixel_covrage": 0.5}) == [
        "tracking.transport.pixel_covrage: unknown key; did you mean pixel_coverage?"
    ]


def test_kinds_of_values_are_named_in_plain_words() -> None:
    assert problems(
        platforms={"google": 3},
        transport={"deduplicate": 1, "outages": {"share": 0.5}, "utm": {"search": {"source": "google"}}},
        aggregate={"outputs": 8.5},
    ) == [
        "tracking.transport.utm.search.medium: is needed and missing",
        "tracking.transport.deduplicate: 1 must be true or false",
        "tracking.transport.outages: must be a list",
        "tracking.platforms.google: 3 must be a table",
        "tracking.aggregate.outputs: 8.5 must be a whole number",
    ]


def test_utm_parameters_belong_to_channels_that_are_bought() -> None:
    assert problems(transport={"utm": {"serch": {"source": "google", "medium": "cpc"}}}) == [
        "tracking.transport.utm.serch: 'serch' is no paid channel of this scenario; did you mean search?"
    ]
