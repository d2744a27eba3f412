"""The page's numbers are the engine's: over random settings, in a browser, for every lesson; real orders never move."""

import math

import numpy as np
import pytest

from experiments.report.lessons.controls import CONTROLS
from experiments.report.lessons.lesson import LESSONS

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lessons")]


def random_settings(reading, rng, times: int) -> list[dict]:
    """Every control of the lesson somewhere in its range, and a world with all ads or with a channel off."""

    def somewhere(key):
        control = CONTROLS[key]
        if control.choices:
            return control.choices[rng.integers(len(control.choices))][0]
        high = min(control.high, reading.worlds.fact.users.num_rows) if key == "people" else control.high
        return control.low + control.step * int(rng.integers(int((high - control.low) / control.step) + 1))

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
    assert real == {float(reading.orders(reading.worlds.fact))}


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
