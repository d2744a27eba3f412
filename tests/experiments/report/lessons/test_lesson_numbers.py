"""The page's numbers are the engine's: over random settings, in a browser, for every lesson; real orders never move."""

import math

import numpy as np
import pytest

from experiments.report.lessons import reading as lesson_reading
from experiments.report.lessons.controls import as_data
from experiments.report.lessons.lesson import LESSONS
from experiments.report.lessons.reading import Reading
from simulator.record.systems.analytics_journeys import recorded_journeys

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lessons")]


def random_settings(reading, rng, times: int) -> list[dict]:
    """Every control of the lesson somewhere in its range, and a world with all ads or with a channel off."""

    def somewhere(key):
        [control] = as_data((key,), reading.people)
        if control["choices"]:
            return control["choices"][rng.integers(len(control["choices"]))][0]
        steps = int((control["high"] - control["low"]) / control["step"])
        return control["low"] + control["step"] * int(rng.integers(steps + 1))

    worlds = ["", *reading.lesson.switches]
    return [
        {key: somewhere(key) for key in reading.lesson.controls} | {"off": worlds[rng.integers(len(worlds))]}
        for _ in range(times)
    ]


def assert_alike(reading, visit, html, settings) -> None:
    seen = visit(html, settings)
    assert seen["errors"] == []
    real = set()
    for chosen, found in zip(settings, seen["numbers"], strict=True):
        ours = reading.numbers(chosen)
        theirs = {key: float(value.replace("Infinity", "inf")) for key, value in found}
        assert theirs.keys() == ours.keys()
        for key, value in ours.items():
            assert theirs[key] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (chosen, key)
        real.add(theirs["orders"])
    assert real == {float(reading.real_orders[""])}


@pytest.mark.parametrize("name", LESSONS)
def test_numbers_are_the_engine_s_and_real_orders_never_move(name, reading, page, visit):
    rng = np.random.default_rng(len(name))
    assert_alike(reading(name), visit, page(name), [{}, *random_settings(reading(name), rng, 4)])


@pytest.mark.study
@pytest.mark.parametrize("name", LESSONS)
def test_over_200_random_settings(name, reading, page, visit):
    rng = np.random.default_rng(200)
    assert_alike(reading(name), visit, page(name), random_settings(reading(name), rng, 200))


def test_a_wrong_number_would_be_seen(reading, page, visit):
    """The control of the tests above: a page that lets clicks count a day longer."""
    wrong = page("brand").replace("age <= s.lookback)", "age <= s.lookback + 1)", 1)
    assert wrong != page("brand")
    with pytest.raises(AssertionError):
        assert_alike(reading("brand"), visit, rehashed(wrong), [{"lookback": float(days)} for days in range(1, 20)])


def rehashed(html: str) -> str:
    """The page with the changed script allowed to run."""
    import re

    from experiments.report.typesetting import hash_source

    script = re.findall(r"<script>(.*?)</script>", html, re.S)[-1]
    return re.sub(r"script-src '[^;]*'", f"script-src {hash_source(script)}", html, count=1)


@pytest.mark.parametrize("name", list(LESSONS))
def test_the_truth_of_a_lesson_is_that_of_the_twins(name, reading):
    """A world without a channel, as its lesson shows it, has the orders that the twin worlds of `cpalab truth` have."""
    found = reading(name)
    everything = found.worlds.fact.orders_until(math.inf).num_rows
    for channel, world in found.worlds.without.items():
        assert everything - world.orders_until(math.inf).num_rows == found.extra_orders(channel)


def test_orders_are_counted_once(reading, monkeypatch):
    """A setting that moves asks for the journeys as recorded under it, and for nothing else of the world."""
    found = reading("brand")
    found.numbers({"lookback": 5.0})
    asked = []
    monkeypatch.setattr(
        lesson_reading, "recorded_journeys", lambda world: asked.append(world) or recorded_journeys(world)
    )
    found.numbers({"lookback": 6.0})
    found.numbers({"lookback": 7.0, "off": "brand_search"})
    assert len(asked) == 2


def test_the_class_of_fifty_is_drawn_once(reading, monkeypatch):
    drawn, test = [], Reading.test
    monkeypatch.setattr(Reading, "test", lambda self, *of: drawn.append(of) or test(self, *of))
    found = reading("lift-test")
    found.lesson.answer(found)
    assert len(drawn) == 50
