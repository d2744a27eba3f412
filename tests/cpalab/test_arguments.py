"""Arguments of functions are judged by their annotations before any work, all problems at once."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pytest

import cpalab
from cpalab.arguments import Between, Count, checked
from cpalab.refusal import LiftInputError


@checked(LiftInputError, but=("other",))
def reading(
    share: Annotated[float, Between(0, 1, "write 0.8 for 80 %")],
    words: Sequence[Literal["click", "view"]] = ("click",),
    people: Count | None = None,
    other: int = 0,
) -> float:
    """Half of a share."""
    return share / 2


def test_arguments_that_fit_change_nothing():
    assert reading(0.5) == 0.25
    assert reading(np.float64(1), ["view"], people=np.int64(3), other="judged elsewhere") == 0.5
    assert reading(0, people=None) == 0
    assert reading.__name__ == "reading"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"share": 1.01}, "share: 1.01 must be at least 0 and at most 1; write 0.8 for 80 %"),
        ({"share": -0.01}, "share: -0.01 must be at least 0 and at most 1; write 0.8 for 80 %"),
        ({"share": float("nan")}, "share: nan must be a number"),
        ({"share": "half"}, "share: 'half' must be a number"),
        ({"share": True}, "share: True must be a number"),
        ({"share": 0.5, "words": "click"}, "words: 'click' must be a list, each one of click, view"),
        ({"share": 0.5, "words": ["clik"]}, "words: ['clik'] must be a list, each one of click, view"),
        ({"share": 0.5, "people": 0}, "people: 0 must be at least 1"),
        ({"share": 0.5, "people": 1.5}, "people: 1.5 must be a whole number or None"),
    ],
)
def test_an_argument_that_does_not_fit_is_refused_in_words(given, said):
    with pytest.raises(LiftInputError) as refusal:
        reading(**given)
    assert refusal.value.lines == (said,)


def test_all_problems_are_told_at_once():
    with pytest.raises(LiftInputError) as refusal:
        reading(2, "click", people=0)
    assert [problem.place for problem in refusal.value.problems] == ["share", "words", "people"]


def test_the_front_doors_refuse_what_they_cannot_do():
    world = cpalab.simulate(cpalab.load_scenario("dropshipping", {"run.users": 200, "run.days": 2.0}))
    plan = cpalab.load_plan({"changes": [{"name": "x", "set": {"tracking.transport.utm_loss": 0.0}}]}, world.scenario)
    for refused, places in (
        (lambda: cpalab.simulate("dropshipping", engine="fast", threads=0, block_users=0), 4),
        (lambda: cpalab.measure_truth(world, estimands=["nonsense"], feedback="loose", threads=0), 3),
        (lambda: cpalab.measure_truth(None, estimands="average"), 2),
        (lambda: cpalab.compare(world, estimands=["nonsense"], threads=-1), 2),
        (lambda: cpalab.attribute(None, settings=30), 2),
        (lambda: cpalab.roll_out(world, plan, people=0, replicates=0, fault_size=0, threads=0), 4),
        (lambda: cpalab.roll_out(world, {}, fault_size=float("nan")), 2),
    ):
        with pytest.raises(cpalab.Refused) as refusal:
            refused()
        assert len(refusal.value.problems) == places
