"""What was assigned decides what is counted: users, or households and accounts as clusters."""

import numpy as np
import pandas as pd
import pytest

from experiments.lift.user.assigned_units import AssignedUnits
from experiments.lift.user.several_arms import several_arms_test
from experiments.lift.user.user_table import user_table_test


def accounts(rng, clusters=200, arms=("treated", "control"), mean_size=25):
    """Accounts of very different sizes, equally many in each arm; nothing happens, before the test or in it."""
    sizes = rng.geometric(1 / mean_size, clusters)
    assigned = rng.permutation(np.arange(clusters) % len(arms))
    cluster = np.repeat(np.arange(clusters), sizes)
    rate = rng.gamma(2.0, 0.02, clusters)[cluster]
    return pd.DataFrame(
        {
            "user_id": np.arange(cluster.size),
            "arm": np.array(arms)[assigned][cluster],
            "conversions": rng.poisson(rate),
            "cost": 0.0,
            "pre_period_conversions": rng.poisson(rate),
            "cluster_id": cluster,
        }
    )


def test_checks_count_clusters():
    # Users of unlike accounts are never split evenly: by users the alarm would ring in about half of these tests. By clusters
    # the arms are exactly as planned; the pre-period check at .001 rings once in 1,000.
    rng = np.random.default_rng(1)
    for _ in range(20):
        found = user_table_test(accounts(rng), planned_treated_share=0.5)
        check = found.conversions.sample_ratio
        assert dict(check.users) == {"treated": 100, "control": 100}
        assert check.unit == "clusters"
        assert not check.mismatch
        assert "differed before" not in found.summary()


def test_a_broken_assignment_of_clusters_is_still_found():
    table = accounts(np.random.default_rng(2))
    lost = table["cluster_id"] % 2 == 0
    found = user_table_test(table[~((table["arm"] == "control") & lost)], planned_treated_share=0.5)
    assert found.conversions.sample_ratio.mismatch
    assert "Arm sizes in clusters treated 100" in found.summary()


def test_several_arms_have_one_check():
    arms = ("control", "search", "social")
    table = accounts(np.random.default_rng(3), 300, arms)
    shares = {"search": 1 / 3, "social": 1 / 3}
    check = several_arms_test(table, planned_shares=shares).sample_ratio
    assert dict(check.users) == {"control": 100, "search": 100, "social": 100}
    assert check.p_value == pytest.approx(1.0)
    # One share is that of all arms together, in equal parts.
    assert several_arms_test(table, planned_shares=2 / 3).sample_ratio.p_value == pytest.approx(1.0)
    wrong = several_arms_test(table, planned_shares={"search": 0.6, "social": 0.2})
    assert wrong.sample_ratio.mismatch
    assert "0.2, 0.6, 0.2" in wrong.summary()


def test_few_clusters_are_said():
    table = accounts(np.random.default_rng(4), 16, mean_size=900)
    found = user_table_test(table)
    assert found.conversions.lift.df < 14
    assert "Few or uneven clusters" in found.summary()


def test_value_by_clusters_has_their_error():
    table = accounts(np.random.default_rng(5))
    table["value"] = 10.0 * table["conversions"]
    found = user_table_test(table)
    # Value that is a multiple of conversions has a multiple of their error, by whichever limits.
    low, high = found.incremental_value.interval(0.95)
    assert low < 0 < high
    assert found.incremental_value.difference == pytest.approx(
        10 * found.conversions.incremental_conversions.difference
    )


def households(rng, clusters, like):
    """Conversions of accounts of one to nine users, `like` of whose mean their conversions before share."""
    users = rng.integers(1, 10, 2 * clusters)
    cluster = np.repeat(np.arange(2 * clusters), users)
    mean = rng.gamma(2.0, 0.5, 2 * clusters)[cluster]
    now, before = rng.poisson(mean), rng.poisson(like * mean + (1 - like))
    treated = cluster % 2 == 0
    return AssignedUnits(treated, ~treated, cluster), now.astype(float), before.astype(float)


def test_an_adjustment_of_clusters_is_sharper_and_covers():
    """A/A at 95 %: misses of 400 lie within 3.3 standard errors of 5 %; the adjusted error is that of less noise."""
    rng, misses, shorter = np.random.default_rng(5), 0, []
    for _ in range(400):
        units, now, before = households(rng, 60, 1.0)
        plain, adjusted = units.conversions(now)[0], units.adjusted(now, before)[0]
        low, high = adjusted.interval(0.95)
        misses += not low <= 0 <= high
        shorter.append(adjusted.standard_error / plain.standard_error)
    assert abs(misses / 400 - 0.05) < 3.3 * (0.05 * 0.95 / 400) ** 0.5
    assert np.mean(shorter) < 0.9


def test_few_clusters_are_not_adjusted():
    units, now, before = households(np.random.default_rng(1), 20, 1.0)
    lift, said = units.adjusted(now, before)
    assert lift.difference == units.conversions(now)[0].difference
    assert "read without it" in said[-1]


@pytest.mark.parametrize("bare", ["control", "treated"])
def test_an_arm_without_conversions_has_no_limit_on_that_side(bare):
    """Households of unlike size, five conversions, all in one arm of 450 and 50: the other's rate may be anything above 0."""
    rng = np.random.default_rng(3)
    users = rng.integers(1, 6, 500)
    cluster = np.repeat(np.arange(500), users)
    treated = cluster < 450 if bare == "control" else cluster >= 450
    now = np.zeros(cluster.size)
    now[np.searchsorted(cluster, np.arange(5) * 80)] = 1.0
    lift, _ = AssignedUnits(treated, ~treated, cluster).conversions(now)
    low, high = lift.interval(0.95)
    assert (low if bare == "control" else -high) == -np.inf
