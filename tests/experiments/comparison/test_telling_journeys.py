"""Journeys: what is told about a person is what the log holds."""

import pyarrow.compute as pc
import pytest

from experiments.comparison.telling_journeys import MOST_EVENTS, telling_journeys
from experiments.truth.effects import ALL, measure_truth
from experiments.truth.order_labels import LABELS


@pytest.fixture(scope="module")
def truth(budgeted):
    return measure_truth(budgeted)


@pytest.fixture(scope="module")
def journeys(budgeted, truth):
    return telling_journeys(budgeted, truth, per_label=3)


def life_of(world, journey):
    """Everything about the person after the order before, up to this order."""
    rows = world.events.filter(pc.equal(world.events["user_id"], journey.user_id)).to_pylist()
    orders = [i for i, row in enumerate(rows) if row["kind"] == "conversion"]
    end = next(i for i in orders if rows[i]["time"] == journey.order_time)
    begin = max((i + 1 for i in orders if i < end), default=0)
    return rows[begin : end + 1]


def test_there_are_some_of_each_label(journeys):
    assert [journey.label for journey in journeys] == ["caused"] * 3 + ["always"] * 3 + ["moved"] * 3


def test_an_order_carries_the_label_of_the_twin_world(budgeted, truth, journeys):
    labels = truth.labels[ALL]
    label_of = dict(zip(labels.order_id.tolist(), labels.label.tolist(), strict=True))
    for journey in journeys:
        order = life_of(budgeted, journey)[-1]
        assert LABELS[label_of[order["order_id"]]] == journey.label
        assert order["value_micros"] / 1e6 == journey.value


def test_events_are_those_of_the_log_in_order_with_the_order_last(budgeted, journeys):
    for journey in journeys:
        logged = [(row["time"], row["kind"], row["channel"]) for row in life_of(budgeted, journey)]
        told = [(event.time, event.kind, event.channel) for event in journey.events]
        assert [entry for entry in logged if entry in told] == told
        assert told[-1][1] == "conversion"
        assert [time for time, _, _ in told] == sorted(time for time, _, _ in told)
        assert len(told) <= MOST_EVENTS


def test_a_click_and_the_visit_it_leads_to_are_told_as_one(journeys):
    for journey in journeys:
        for before, event in zip(journey.events, journey.events[1:], strict=False):
            same = (before.time, before.channel) == (event.time, event.channel)
            assert not (before.kind == "click" and event.kind == "visit" and same)


def test_the_sentence_counts_all_ads_seen_and_clicked_even_where_the_list_is_cut(budgeted, truth, monkeypatch):
    monkeypatch.setattr("experiments.comparison.telling_journeys.MOST_EVENTS", 3)
    short = telling_journeys(budgeted, truth, per_label=3)
    assert any(journey.left_out for journey in short)
    for journey in short:
        kinds = [row["kind"] for row in life_of(budgeted, journey)]
        seen, clicked = kinds.count("impression"), kinds.count("click")
        assert f": {seen} ads seen and {clicked} clicked, then a purchase" in journey.summary()


def test_without_the_joint_truth_there_are_none(budgeted):
    assert telling_journeys(budgeted, measure_truth(budgeted, estimands=("average",))) == ()
