"""Observational methods: right where what drives exposure is seen, wrong where it is not, and silent about nothing."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from cpalab.refusal import Refused
from experiments.bench.leaderboard import leaderboard
from experiments.bench.observational import method as methods
from experiments.bench.observational.method import BUILT_IN, METHODS, observational_estimates
from experiments.bench.observational.people import PeopleSeen, people_seen
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

ADJUSTING = ("propensity_matching", "propensity_weighting", "regression_adjustment", "double_machine_learning")
EFFECT = 0.3  # orders per exposed person


def people(seen: bool = True, users: int = 20_000, seed: int = 1) -> PeopleSeen:
    """People whose wish to buy drives exposure and orders; it is a covariate, or it is hidden behind noise."""
    rng = np.random.default_rng(seed)
    wish, noise = rng.normal(size=(2, users))
    exposed = rng.random(users) < 1 / (1 + np.exp(-wish))
    orders = 2.0 + wish + EFFECT * exposed + rng.normal(size=users)
    known = wish if seen else noise
    cell = np.digitize(known, np.quantile(known, np.arange(0.02, 1.0, 0.02)))
    return PeopleSeen(known[:, None], ("known",), cell.astype(np.int64), exposed, orders)


@pytest.fixture(scope="module")
def world():
    return simulate(load_scenario("dtc-apparel", {"run.users": 3_000, "run.days": 10.0}))


@pytest.mark.parametrize("name", [*ADJUSTING, "exact_matching"])
def test_where_all_that_drives_exposure_is_seen_the_truth_is_found(name: str) -> None:
    """The standard error is about 4 % of the truth, that of boosted trees' bias included; one seed, within 15 %."""
    own = people()
    assert METHODS.find(name).estimate(own) == pytest.approx(EFFECT * own.exposed.sum(), rel=0.15)


@pytest.mark.parametrize("name", BUILT_IN)
def test_where_it_is_not_seen_every_method_takes_it_for_the_effect(name: str) -> None:
    """Wish differs by about 0.8 between exposed and unexposed people, 2.7 times the effect."""
    own = people(seen=False)
    assert METHODS.find(name).estimate(own) > 2.5 * EFFECT * own.exposed.sum()


@pytest.mark.parametrize("name", BUILT_IN)
def test_nobody_exposed_gained_nothing_and_everybody_exposed_has_nobody_to_be_compared_with(name: str) -> None:
    own = people(users=500)
    nobody, everybody = (PeopleSeen(own.covariates, own.names, own.cell, np.full(500, arm), own.orders)
                         for arm in (False, True))  # fmt: skip
    assert METHODS.find(name).estimate(nobody) == 0.0
    assert math.isnan(METHODS.find(name).estimate(everybody))


def test_exact_matching_scales_up_over_exposed_people_without_a_match() -> None:
    cell, exposed = np.array([0, 0, 0, 1]), np.array([True, True, False, True])
    own = PeopleSeen(np.zeros((4, 1)), ("none",), cell, exposed, np.array([3.0, 1.0, 1.0, 9.0]))
    assert METHODS.find("exact_matching").estimate(own) == pytest.approx(2 * (2.0 - 1.0) * 3 / 2)


def test_covariates_are_what_was_seen_before_day_0(world) -> None:
    seen = people_seen(world, world.scenario.paid_channels())["video"]
    assert set(seen.names) >= {"visits", "days active", "days since the last visit"}
    assert not {"need_per_day", "sessions_per_day", "value_factor"} & set(seen.names)
    users, events = world.users.to_pandas(), world.events.to_pandas()
    able = users.loc[~users["robot"] & ~users["holdout_video"], "user_id"]
    events = events[events["user_id"].isin(able)]
    visits = np.expm1(seen.covariates[:, seen.names.index("visits")])
    assert len(visits) == len(able) < len(users)
    assert visits.sum() == pytest.approx(((events["kind"] == "visit") & (events["time"] < 0)).sum())
    shown = events[(events["kind"] == "impression") & (events["channel"] == "video") & events["time"].between(0, 10)]
    assert seen.exposed.sum() == shown["user_id"].nunique() > 0


@dataclass(frozen=True)
class Nothing:
    """One's own method takes no more than this."""

    name: str = "nothing"

    def estimate(self, people: PeopleSeen) -> float:
        return 0.0


def test_ones_own_method_stands_in_the_leaderboard_beside_models(world) -> None:
    found = leaderboard(
        ["last_click"], ["dtc-apparel"], [1], observational=["exposed_vs_unexposed", Nothing()], users=3_000
    )
    rows = found.to_frame().set_index("model")
    assert rows.loc["nothing", "total_error"] == -1.0
    assert rows.loc["exposed_vs_unexposed", "error"] > 0
    assert "last_click" in rows.index
    assert observational_estimates(world, [Nothing()], ["video"]) == {"nothing": {"video": 0.0}}


def test_what_cannot_be_is_refused_before_any_work(monkeypatch) -> None:
    with pytest.raises(Refused, match="did you mean exact_matching"):
        leaderboard(observational=["exact_matchin"])
    with pytest.raises(Refused, match="recorded journeys do not know"):
        leaderboard(observational=["exact_matching"], tracking="recorded")
    with pytest.raises(Refused, match="is the name of a model too"):
        leaderboard(["last_click"], observational=[Nothing("last_click")])
    with pytest.raises(Refused, match="folds"):
        leaderboard(observational=["double_machine_learning(folds=1)"])
    monkeypatch.setattr(methods, "find_spec", lambda name: None)
    with pytest.raises(Refused, match=r"needs scikit-learn; pip install 'cpalab\[observational\]'"):
        leaderboard(observational=["propensity_matching"])
