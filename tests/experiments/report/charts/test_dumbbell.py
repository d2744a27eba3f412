"""Where the marks of the dumbbell chart stand, and what the charts hand to Vega-Lite."""

import json

from experiments.report.charts.dumbbell import ARROWS, dumbbell_chart, dumbbell_marks, other_model_shapes, price_axis
from experiments.report.charts.journey import journey_chart
from experiments.report.charts.labels import label_chart
from experiments.report.frames import dumbbell_frame
from experiments.report.order_of_channels import models
from experiments.report.palette import DARK, LIGHT


def marks_of(comparison):
    frame = dumbbell_frame(comparison)
    axis = price_axis(frame, models(comparison))
    marks = dumbbell_marks(frame, axis, other_model_shapes(comparison))
    heights = dict(zip(frame["channel"], range(40, 74 * len(frame), 74), strict=True))
    return axis, marks, heights


def at(marks, kind, y):
    return [mark for mark in marks[kind] if mark["y"] == y]


def test_a_dumbbell_runs_from_the_claimed_to_the_true_price(comparison):
    _, marks, heights = marks_of(comparison)
    (link,) = at(marks, "link", heights["video"])
    assert (link["x"], link["x2"]) == (100.0, 20.0)


def test_a_channel_that_caused_nothing_is_true_at_infinity(comparison):
    axis, marks, heights = marks_of(comparison)
    (true,) = at(marks, "true", heights["brand_search"])
    assert true["x"] == axis.edge > axis.high
    assert [label["text"] for label in at(marks, "label", heights["brand_search"] + 21)] == ["5.00", "∞"]


def test_a_channel_that_lost_orders_stands_there_without_a_price(comparison):
    axis, marks, heights = marks_of(comparison)
    (true,) = at(marks, "true", heights["coupon"])
    assert true["x"] == axis.edge
    assert [label["text"] for label in at(marks, "label", heights["coupon"] + 21)] == ["–"]
    assert at(marks, "claimed", heights["coupon"]) == []


def test_an_unbounded_interval_ends_in_an_arrow_and_a_bounded_one_does_not(comparison):
    axis, marks, heights = marks_of(comparison)
    (bar,) = at(marks, "interval", heights["brand_search"])
    assert bar["x2"] == axis.edge
    assert [arrow["shape"] for arrow in at(marks, "arrow", heights["brand_search"])] == [ARROWS["right"]]
    assert len(at(marks, "interval", heights["video"])) == 1
    assert at(marks, "arrow", heights["video"]) == []


def test_no_test_no_bar(comparison):
    _, marks, heights = marks_of(comparison)
    assert at(marks, "interval", heights["shopping"]) == []


def test_labels_of_close_prices_stand_on_their_outer_sides(comparison):
    _, marks, heights = marks_of(comparison)
    claimed, true = at(marks, "label", heights["shopping"] + 21)
    assert (claimed["text"], claimed["align"]) == ("10.00", "right")
    assert (true["text"], true["align"]) == ("10.71", "left")


def test_charts_name_only_colours_of_their_palette(comparison):
    (journey,) = comparison.journeys
    for draw in (dumbbell_chart, label_chart, lambda _, palette: journey_chart(journey, "EUR", palette)):
        light, dark = (json.dumps(draw(comparison, palette).to_dict()) for palette in (LIGHT, DARK))
        assert LIGHT.true in light
        assert not any(colour in dark for colour in vars(LIGHT).values() if colour not in vars(DARK).values())
