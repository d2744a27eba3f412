"""The lift tests that a scenario runs: each paid channel's holdout, read as its design says (orders per person)."""

from typing import Protocol

from cpalab.refusal import LiftInputError
from experiments.designs.users.cookie_holdout import COOKIE_HOLDOUT
from experiments.designs.users.exposed_test import GHOST_ADS, PREDICTED_GHOST_ADS, PSA
from experiments.designs.users.login_holdout import LOGIN_HOLDOUT
from experiments.designs.users.user_holdout import USER_HOLDOUT
from experiments.designs.users.user_level import WorldTest
from simulator.scenario.schema import Holdout
from simulator.scenario.timeline import holdout_as_run
from simulator.world import World

__all__ = ["UserDesignInWorld", "design_of", "holdout_tests"]


class UserDesignInWorld(Protocol):
    """A design that holds out people or cookies."""

    @property
    def name(self) -> str:
        """What the design is called."""

    def test(self, world: World, channel: str) -> WorldTest:
        """The channel's test, read out."""


BY_ASSIGNMENT: dict[str, UserDesignInWorld] = {"login": LOGIN_HOLDOUT, "cookie": COOKIE_HOLDOUT}
BY_DESIGN: dict[str, UserDesignInWorld] = {
    "ghost_ads": GHOST_ADS,
    "intention_to_treat": USER_HOLDOUT,
    "predicted_ghost_ads": PREDICTED_GHOST_ADS,
    "psa": PSA,
}


def design_of(holdout: Holdout) -> UserDesignInWorld:
    """The design that a scenario's holdout asks for."""
    return BY_ASSIGNMENT.get(holdout.assignment) or BY_DESIGN[holdout.design]


def holdout_tests(world: World) -> dict[str, WorldTest | None]:
    """The test of every channel that has campaigns; None where nobody is held out, no test was begun, or an arm is empty."""
    return {channel: _test(world, channel) for channel in world.scenario.paid_channels()}


def _test(world: World, channel: str) -> WorldTest | None:
    holdout = holdout_as_run(world.scenario, channel)
    if holdout.share == 0.0 or holdout.shelved:
        return None
    try:
        return design_of(holdout).test(world, channel)
    except LiftInputError:
        return None
