"""Planning user-level tests: formula against simulation, published economics, and honest warnings."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.cluster_robust import ClusterSums, cluster_robust_lift
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.sequential.group_sequential import GroupSequentialPlan
from experiments.lift.user.assigned_clusters import Clusters
from experiments.lift.user.budget import Budget
from experiments.lift.user.plan import UserTestDesign, exaggeration, experiment_multiplier, plan_user_test
from experiments.lift.user.user_table import user_table_test


def test_the_textbook_sample_size():
    # Two arms, 2 % against 2.2 %, 80 % at 95 %: (1.95996 + 0.84162)²·(.02·.98 + .022·.978)/.002² per arm.
    users = UserTestDesign(0.02).required_users(0.1)
    per_arm = (1.959963985 + 0.841621234) ** 2 * (0.02 * 0.98 + 0.022 * 0.978) / 0.002**2
    assert users == pytest.approx(2 * per_arm, rel=1e-5)


@given(
    rate=st.floats(1e-4, 0.4),
    lift=st.floats(0.01, 0.8),
    treated_share=st.floats(0.05, 0.95),
    share_exposed=st.floats(0.05, 1.0),
    power=st.floats(0.3, 0.99),
)
def test_users_lift_and_power_say_the_same(rate, lift, treated_share, share_exposed, power):
    design = UserTestDesign(rate, treated_share, share_exposed=share_exposed)
    users = design.required_users(lift, power)
    assert design.power(users, lift) >= power - 1e-6
    if users > 100:
        assert design.power(users * 0.98, lift) < power
        assert design.minimum_detectable_lift(users, power) == pytest.approx(lift, rel=0.02)


def simulated_power(design, users, lift, replications, seed):
    rng = np.random.default_rng(seed)
    treated_users = round(users * design.treated_share)
    n = np.array([treated_users, users - treated_users])
    rates = np.array([design.baseline_rate + design.effect(lift), design.baseline_rate])
    found = 0
    for counts in rng.binomial(n, rates, (replications, 2)):
        arms = [ArmStatistics.from_converters(int(a), int(x)) for a, x in zip(n, counts, strict=True)]
        found += welch_lift(*arms).verdict(design.level) == 1
    return found / replications


def check_power(replications, binomial_band):
    # The formula against seeded tests: 3.3 standard errors.
    for seed, (share, exposed, lift) in enumerate(((0.5, 1.0, 0.15), (0.9, 1.0, 0.2), (0.8, 0.5, 0.3))):
        design = UserTestDesign(0.02, share, share_exposed=exposed)
        power = design.power(60_000, lift)
        assert 0.2 < power < 0.95
        found = simulated_power(design, 60_000, lift, replications, seed)
        assert found == pytest.approx(power, abs=binomial_band(power, replications))


def test_power_is_the_share_of_simulated_tests_that_find_the_lift(binomial_band):
    check_power(3_000, binomial_band)


@pytest.mark.study
def test_power_is_the_share_in_the_long_run(binomial_band):
    check_power(20_000, binomial_band)


def test_published_power_curve_of_one_design(reference):
    # The published study does not print its size: users and rate are those that reproduce its 10 % row;
    # the other rows must follow.
    rows = reference("user_rct_calibration/observed_monte_carlo.json")["K_power"]
    design = UserTestDesign(0.02)
    by_lift = {row["lift"]: row["theory"] for row in rows}
    lo, hi = 1_000.0, 1_000_000.0
    for _ in range(60):
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if design.power(middle, 0.10) < by_lift[0.10] else (lo, middle)
    for lift, theory in by_lift.items():
        assert design.power(lo, lift) == pytest.approx(theory, abs=0.004)


def test_lewis_and_raos_campaign(reference):
    vectors = reference("lewis_rao_2015/expected.json")
    c = vectors["calibration"]
    design = UserTestDesign(
        c["mean_sales"], outcome_sd=c["sd_sales"], cost_per_treated_user=c["cost_per_user"], level=0.90
    )
    lift = c["implied_delta"] / c["mean_sales"]
    assert design.expected_t(2_000_000, lift) == pytest.approx(vectors["identities"]["t_1M_per_arm"])
    assert design.expected_t(200_000, lift) == pytest.approx(vectors["identities"]["t_100k_per_arm"])
    error = c["margin"] / c["cost_per_user"] * design.standard_error(2_000_000, lift)
    assert error == pytest.approx(vectors["identities"]["se_roi_1M_per_arm"])


def test_lewis_and_raos_multipliers(reference):
    # Two hypotheses of the return 2.5, .5, .1 and .05 apart… at the median error of a retailer's return.
    published = reference("lewis_rao_2015/expected.json")["published"]
    error = published["median_se_roi_retail"]
    for name, gap in (("-100%_vs_0", 1.0), ("0_vs_50%", 0.5), ("0_vs_10%", 0.1), ("0_vs_5%", 0.05)):
        ours = experiment_multiplier(gap / error)
        assert ours == pytest.approx(published["median_multipliers_retail"][name], rel=0.04)
    assert experiment_multiplier(1.5) == 4.0


def test_exaggeration_is_that_of_simulated_estimates():
    # 200,000 seeded normal estimates per effect; 2 %.
    rng = np.random.default_rng(1)
    for t in (0.5, 1.0, 2.0, 4.0):
        z = rng.normal(t, 1.0, 200_000)
        significant = np.abs(z) > 1.959963985
        assert exaggeration(t) == pytest.approx(np.abs(z[significant]).mean() / t, rel=0.02)
    assert exaggeration(12.0) == pytest.approx(1.0, abs=1e-6)


def test_looks_cost_power_and_a_one_sided_test_saves_users():
    fixed = UserTestDesign(0.02)
    looked = UserTestDesign(0.02, looks=GroupSequentialPlan.equally_spaced(5, "pocock"))
    one_sided = UserTestDesign(0.02, alternative="greater")
    assert one_sided.required_users(0.1) < fixed.required_users(0.1) < looked.required_users(0.1)
    assert looked.power(looked.required_users(0.1), 0.1) == pytest.approx(0.80, abs=1e-4)
    # Pocock's test of five looks needs 22.8 % more users (Jennison and Turnbull 2000, Table 2.2: 1.229).
    assert looked.required_users(0.1) / fixed.required_users(0.1) == pytest.approx(1.229, abs=1e-3)


def test_a_plan_prices_itself():
    design = UserTestDesign(0.02, 0.9, cost_per_treated_user=0.05)
    plan = plan_user_test(design, relative_lift=0.1, users_per_day=10_000, conversion_delay_days=7)
    assert plan.power == pytest.approx(0.80, abs=1e-4)
    assert plan.days == math.ceil(plan.users / 10_000) + 7
    assert plan.conversions_forgone == pytest.approx(plan.users * 0.1 * 0.002)
    assert plan.cost == pytest.approx(plan.users * 0.9 * 0.05)
    assert plan.cost_per_incremental_conversion == pytest.approx(25.0)
    assert plan.highest_detectable_cost == pytest.approx(25.0, rel=1e-3)
    assert plan.to_frame()["users_to_halve_the_interval"][0] == 4 * plan.users
    assert "hard to tell from ads that do nothing" in plan.summary()
    curve = plan.power_curve()
    assert curve["power"].is_monotonic_increasing
    assert curve["exaggeration"].is_monotonic_decreasing
    shares = plan.holdout_shares()
    assert shares["conversions_forgone"].is_monotonic_increasing
    assert shares["minimum_detectable_lift"].is_monotonic_decreasing


def test_a_weak_plan_warns_of_exaggeration():
    plan = plan_user_test(UserTestDesign(0.02), users=5_000, relative_lift=0.05)
    assert plan.power < 0.2
    assert f"{plan.exaggeration:.1f} times too large" in plan.summary()


def test_a_small_holdout_with_few_conversions_finds_less_than_planned_and_says_so():
    design = UserTestDesign(0.01, treated_share=0.95)
    plan = plan_user_test(design, users=20_000)
    assert "Only about 10 conversions are expected in the smaller arm" in plan.summary()
    rng, found = np.random.default_rng(1), []
    # 300 seeded tests: three standard errors of 80 % are 7 points.
    for made, held_out in zip(
        rng.binomial(19_000, 0.01 * (1 + plan.relative_lift), 300), rng.binomial(1_000, 0.01, 300), strict=True
    ):
        totals = pd.DataFrame(
            {"arm": ["treated", "control"], "users": [19_000, 1_000], "conversions": [made, held_out]}
        )
        found.append(user_table_test(totals, (0.95,)).conversions.p_value < 0.05)
    assert np.mean(found) < 0.7
    for enough in (plan_user_test(design, users=400_000), plan_user_test(UserTestDesign(0.01), users=2_000)):
        assert "are expected in the smaller arm" not in enough.summary()


def test_users_alone_give_the_detectable_lift():
    plan = plan_user_test(UserTestDesign(0.02), users=100_000)
    assert plan.relative_lift == plan.minimum_detectable_lift
    assert plan.power == pytest.approx(0.80, abs=1e-6)
    assert math.isnan(plan.days)


def test_bad_plans_are_refused_all_at_once():
    with pytest.raises(LiftInputError) as refusal:
        UserTestDesign(2.0, 1.0, share_exposed=0.0, cost_per_treated_user=-1.0, level=5.0)
    assert len(refusal.value.lines) == 5
    with pytest.raises(LiftInputError, match="two-sided with planned looks"):
        UserTestDesign(0.02, alternative="greater", looks=GroupSequentialPlan.equally_spaced(2))
    with pytest.raises(LiftInputError, match="at least one must be given"):
        plan_user_test(UserTestDesign(0.02))
    with pytest.raises(LiftInputError) as refusal:
        plan_user_test(UserTestDesign(0.02), users=1, relative_lift=-0.1, users_per_day=0.0)
    assert len(refusal.value.lines) == 3
    with pytest.raises(LiftInputError, match="go unnoticed"):
        plan_user_test(UserTestDesign(0.5), users=4)
    with pytest.raises(LiftInputError, match="up to 1"):
        UserTestDesign(0.5).required_users(2.0)
    with pytest.raises(LiftInputError, match="power"):
        UserTestDesign(0.5).required_users(0.1, 1.0)
    for function in (exaggeration, experiment_multiplier):
        with pytest.raises(LiftInputError, match="positive"):
            function(0.0)


@pytest.mark.parametrize("design", [(1e-300, 0.5), (0.02, 0.5, 1e-200)])
def test_outcomes_rarer_than_people_are_refused(design):
    with pytest.raises(LiftInputError, match="must be at least 1e-18"):
        UserTestDesign(*design)


def test_a_lift_that_needs_more_users_than_there_are_people_is_refused():
    with pytest.raises(LiftInputError, match="must need fewer than 1e"):
        plan_user_test(UserTestDesign(1e-6), relative_lift=1e-300)


def test_clusters_need_as_many_times_more_users_as_their_design_effect():
    alone = UserTestDesign(0.02)
    clusters = Clusters(mean_size=4.0, correlation=0.1, size_cv=0.5)
    assert clusters.design_effect == pytest.approx(1 + (1.25 * 4 - 1) * 0.1)
    together = UserTestDesign(0.02, clusters=clusters)
    assert together.required_users(0.1) == pytest.approx(clusters.design_effect * alone.required_users(0.1), rel=1e-6)
    plan = plan_user_test(together, relative_lift=0.1)
    assert plan.to_frame()["clusters"][0] == math.ceil(plan.users / 4)
    assert "clusters" in plan.summary()
    assert "few clusters" in plan_user_test(UserTestDesign(0.2, clusters=Clusters(100.0, 0.05)), users=2_000).summary()


def test_a_plan_with_clusters_has_the_power_it_says(binomial_band):
    # 1,000 seeded tests of 150 + 150 households of 4 with beta-distributed rates (ICC .15).
    rng = np.random.default_rng(1)
    rate, icc, size, lift, each = 0.2, 0.15, 4, 0.4, 150
    design = UserTestDesign(rate, clusters=Clusters(size, icc))
    power = design.power(2 * each * size, lift)
    assert 0.3 < power < 0.95
    found = 0
    for _ in range(1_000):
        arms = []
        for mean in (rate * (1 + lift), rate):
            own = rng.beta(mean * (1 / icc - 1), (1 - mean) * (1 / icc - 1), each)
            arms.append(ClusterSums(rng.binomial(size, own).astype(float), np.full(each, float(size))))
        found += cluster_robust_lift(*arms).verdict() == 1
    assert found / 1_000 == pytest.approx(power, abs=binomial_band(power, 1_000))


def test_a_budget_buys_users_or_a_lift():
    design = UserTestDesign(0.02, treated_share=0.8, cost_per_treated_user=0.25)
    assert Budget(10_000.0).users(design) == 50_000
    money = Budget(10_000.0, cost_per_action=50.0)
    # 200 actions among 40,000 treated who would have made 800.
    assert money.relative_lift(design, 50_000) == pytest.approx(0.25)
    plan = plan_user_test(design, users=50_000)
    expected = 50.0 * 40_000 * 0.02 * plan.minimum_detectable_lift
    assert money.needed(plan) == pytest.approx(expected)
    assert ("is enough" if expected <= 10_000 else "too small") in " ".join(money.sentences(plan))
    assert "more than the budget" in " ".join(Budget(5_000.0).sentences(plan))


def test_only_the_eligible_fill_the_test():
    plan = plan_user_test(UserTestDesign(0.02), users=10_000, users_per_day=500, eligible_share=0.4)
    assert plan.days == 50
    assert plan.to_frame()["audience"][0] == 25_000
    with pytest.raises(LiftInputError, match="eligible_share"):
        plan_user_test(UserTestDesign(0.02), users=10_000, eligible_share=0.0)


def test_clusters_and_money_that_are_none_are_refused():
    with pytest.raises(LiftInputError) as refusal:
        Clusters(0.5, 2.0, -1.0)
    assert len(refusal.value.lines) == 3
    with pytest.raises(LiftInputError, match="budget"):
        Budget(-1.0)
