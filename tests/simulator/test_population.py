"""The population: moments of what is drawn once per person, and draws that nothing else can move."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from simulator.population import build_population, robots_among, users_table
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.loading import load_scenario

USERS = 20_000


def people_of(tables, **overrides):
    scenario = load_scenario(tables, {path.replace("__", "."): value for path, value in overrides.items()})
    names = Names.of(scenario)
    population = build_population(scenario, build_law([scenario]), names)
    return users_table(population, names).to_pandas()


@pytest.fixture
def alike(market):
    """The small market with many people of one segment."""
    market["run"]["users"] = USERS
    market["population"]["segments"] = {"everyone": {}}
    market["channels"]["video"]["campaigns"]["launch"]["targeting"] = {}
    return market


@pytest.fixture
def people(alike):
    return people_of(alike)


def close(sample, mean, sd, size=None):
    """Whether a mean is within 4.5 standard errors of the theoretical one (false alarm 7e-6 each)."""
    size = len(sample) if size is None else size
    return abs(np.mean(sample) - mean) < 4.5 * sd / math.sqrt(size)


# All samples here are large and fixed by the seed; with some 30 comparisons at 4.5 standard errors, one of
# 5,000 choices of the seed would raise a false alarm.


@pytest.mark.parametrize(("column", "mean", "sigma"), [("sessions_per_day", 1.5, 0.8), ("need_per_day", 0.05, 0.8)])
def test_activity_and_need_are_log_normal_with_the_mean_of_the_scenario(people, column, mean, sigma):
    sample = people[column][:USERS]
    assert close(sample, mean, mean * math.sqrt(math.exp(sigma**2) - 1.0))
    assert stats.kstest(np.log(sample), "norm", args=(math.log(mean) - sigma**2 / 2, sigma)).pvalue > 1e-5


def test_value_factors_spread_people_around_1(people):
    sample = people["value_factor"]
    assert close(sample, 1.0, math.sqrt(math.exp(0.09) - 1.0))
    assert stats.kstest(np.log(sample), "norm", args=(-0.045, 0.3)).pvalue > 1e-5


@pytest.mark.parametrize("correlation", [-1.0, -0.6, 0.0, 0.4, 1.0])
def test_activity_and_need_correlate_in_their_logarithms(alike, correlation):
    people = people_of(alike, population__activity_need_correlation=correlation)[:USERS]
    measured = np.corrcoef(np.log(people["sessions_per_day"]), np.log(people["need_per_day"]))[0, 1]
    # Standard error of a correlation: (1 - ρ²) / √n.
    assert abs(measured - correlation) <= 4.5 * (1.0 - correlation**2) / math.sqrt(USERS) + 1e-9


def test_segments_and_places_come_by_share_and_bring_their_factors(market):
    market["run"]["users"] = USERS
    market["population"] |= {"activity_need_correlation": 0.0}
    people = people_of(market)[:USERS]
    older = people["segment"] == "older"
    assert close(older, 0.4, math.sqrt(0.24))
    assert close(people["geo"] == "uk", 0.3, math.sqrt(0.21))
    for column, mean, sigma in (("sessions_per_day", 1.5 * 0.7, 0.8), ("need_per_day", 0.05 * 1.5, 0.8)):
        assert close(people[column][older], mean, mean * math.sqrt(math.exp(sigma**2) - 1.0))
    assert close(people["value_factor"][older], 1.4, 1.4 * math.sqrt(math.exp(0.09) - 1.0))


def test_consent_differs_by_place(people):
    for geo, share in (("us", 0.95), ("uk", 0.6)):
        assert close(people["consent"][people["geo"] == geo], share, math.sqrt(share * (1.0 - share)))


def test_customers_and_log_ins_come_by_share(people):
    assert close(people["customer"][:USERS], 0.1, 0.3)
    assert close(people["log_in"], 0.25, math.sqrt(0.1875))


def test_devices_come_by_number_and_mix(people):
    for count, share in ((1, 0.54), (2, 0.32), (3, 0.14)):
        assert close(people["devices"] == count, share, math.sqrt(share * (1.0 - share)))
    for device, share in (("mobile", 0.60), ("desktop", 0.34), ("tablet", 0.06)):
        assert close(people["main_device"] == device, share, math.sqrt(share * (1.0 - share)))


def test_nobody_has_the_same_kind_of_device_twice(market):
    market["run"]["users"] = 2_000
    scenario = load_scenario(market)
    people = build_population(scenario, build_law([scenario]), Names.of(scenario)).people
    kinds = np.stack([people["first_device"], people["second_device"], people["third_device"]], axis=1)
    distinct = np.array([len(set(row[:count])) for row, count in zip(kinds, people["devices"], strict=True)])
    assert (distinct == people["devices"]).all()
    # Of those who start on mobile the second device is desktop with odds 0.34 : 0.06.
    two = (people["devices"] > 1) & (people["first_device"] == 0)
    share = 0.34 / 0.40
    assert close(people["second_device"][two] == 1, share, math.sqrt(share * (1.0 - share)))


def test_holdouts_have_their_share_and_are_independent_of_each_other_and_of_everything_else(people):
    people = people[:USERS]
    shares = {"social": 0.1, "video": 0.2, "brand_search": 0.1, "affiliate": 0.1, "email": 0.1}
    columns = {f"holdout_{name}": share for name, share in shares.items()}
    assert [column for column in people if column.startswith("holdout_")] == list(columns)
    for column, share in columns.items():
        assert close(people[column], share, math.sqrt(share * (1.0 - share)))
        for trait in ("sessions_per_day", "need_per_day", "value_factor", "customer"):
            assert abs(np.corrcoef(people[column], people[trait])[0, 1]) < 4.5 / math.sqrt(USERS)
    for one, other in combinations(columns, 2):
        assert abs(np.corrcoef(people[one], people[other])[0, 1]) < 4.5 / math.sqrt(USERS)


def test_first_sessions_are_exponential_with_the_person_s_activity(market):
    market["run"] |= {"users": USERS, "days": 60.0}
    market["calendar"] = {}
    market["invalid_traffic"]["robots_share"] = 0.0
    scenario = load_scenario(market)
    population = build_population(scenario, build_law([scenario]), Names.of(scenario))
    scaled = population.itineraries["operational"] * population.people["activity"]
    assert stats.kstest(scaled, "expon").pvalue > 1e-5


def test_robots_follow_the_people_and_have_no_need(market):
    people = people_of(market)
    robots = people[people["robot"]]
    assert robots_among(3_000, 0.02) == len(robots) == 60
    assert list(robots["user_id"]) == list(range(3_000, 3_060))
    assert (robots["sessions_per_day"] == 10.0).all()
    assert not robots["need_per_day"].any()
    assert not robots["customer"].any()


def test_a_new_channel_or_surface_moves_nobody_s_draws(market):
    before = people_of(market)
    first = {"everything_new": {"surface": "billboard", "campaigns": {"big": {"bid": 1.0}}}}
    market["channels"] = first | market["channels"]
    weights = {"out_of_market": 1.0, "in_market": 1.0, "visited": 1.0, "late": 1.0}
    market["surfaces"] = {"billboard": {"weights": weights, "reach_share": 0.5}} | market["surfaces"]
    after = people_of(market)
    assert before.equals(after[before.columns])


def test_more_people_leave_those_there_are_as_they_are(market):
    market["invalid_traffic"]["robots_share"] = 0.0
    few = people_of(market, run__users=500)
    many = people_of(market, run__users=700)
    assert few.equals(many[:500].astype(few.dtypes))


def test_another_seed_makes_other_people(market):
    assert not people_of(market)["sessions_per_day"].equals(people_of(market, run__seed=8)["sessions_per_day"])
