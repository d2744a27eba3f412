"""The user-level test from a table with one row per user."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from experiments.lift.arms import ArmStatistics
from experiments.lift.refusal import LiftInputError
from experiments.lift.user import user_holdout_test
from experiments.lift.user_table import user_table_test


def make_table(users=20_000, seed=1, treated_share=0.8):
    """A holdout in which half of the treated are reached and ads add 1.5 points to a rate of 2 %."""
    rng = np.random.default_rng(seed)
    treated = np.arange(users) < users * treated_share
    exposed = treated & (rng.random(users) < 0.5)
    conversions = (rng.random(users) < 0.02 + 0.015 * exposed).astype(int)
    return pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(users)],
            "arm": np.where(treated, "treated", "control"),
            "exposed": exposed,
            "conversions": conversions,
            "value": conversions * rng.gamma(2, 20, users),
            "cost": exposed * 0.05,
        }
    )


TABLE = make_table()


def test_a_table_gives_what_its_sums_give():
    found = user_table_test(TABLE, planned_treated_share=0.8)
    t, c = TABLE[TABLE["arm"] == "treated"], TABLE[TABLE["arm"] == "control"]
    expected = user_holdout_test(
        ArmStatistics.from_values(t["conversions"]),
        ArmStatistics.from_values(c["conversions"]),
        round(t["cost"].sum() * 1e6),
        unexposed=ArmStatistics.from_values(t.loc[~t["exposed"], "conversions"]),
        planned_treated_share=0.8,
    )
    assert found.conversions == expected
    assert found.notes == ()


@pytest.mark.parametrize(
    "backend",
    [
        pa.Table.from_pandas,
        lambda t: t.convert_dtypes(),
        lambda t: t.sample(frac=1),
        lambda t: t.astype({"arm": "category", "user_id": "category"}),
        lambda t: t.astype({"arm": object, "user_id": object}),
        lambda t: pa.Table.from_pandas(t.astype({"arm": "category"})),
        lambda t: t.assign(user_id=np.arange(len(t))[::-1]),
    ],
)
def test_any_data_frame_in_any_order(backend):
    expected, found = user_table_test(TABLE).to_frame(), user_table_test(backend(TABLE)).to_frame()
    pd.testing.assert_frame_equal(found, expected)


def test_value_and_its_return():
    found = user_table_test(TABLE)
    t, c = TABLE[TABLE["arm"] == "treated"], TABLE[TABLE["arm"] == "control"]
    incremental = t["value"].sum() - c["value"].mean() * len(t)
    assert found.incremental_value.difference == pytest.approx(incremental)
    roas = found.incremental_return_on_ad_spend
    assert roas.difference == pytest.approx(incremental / t["cost"].sum())
    frame = found.to_frame()
    assert (frame["incremental_value_lower"] < frame["incremental_value"]).all()
    assert (frame["incremental_return_on_ad_spend"] < frame["incremental_return_on_ad_spend_upper"]).all()
    assert user_table_test(TABLE.drop(columns="value")).incremental_value is None


def test_orders_without_value_tell_no_error_of_value():
    found = user_table_test(TABLE.assign(value=0.0))
    assert found.incremental_value.interval() == (-math.inf, math.inf)


def test_ghost_ads_compare_the_exposed_with_those_who_would_have_been():
    rng = np.random.default_rng(2)
    ghosts = TABLE["exposed"] | ((TABLE["arm"] == "control") & (rng.random(len(TABLE)) < 0.5))
    found = user_table_test(TABLE.assign(exposed=ghosts), design="ghost_ads", planned_treated_share=0.8)
    stratum = TABLE[ghosts]
    assert found.conversions.treated.users == (stratum["arm"] == "treated").sum()
    assert found.conversions.control.users == (stratum["arm"] == "control").sum()
    assert not found.conversions.sample_ratio.mismatch
    assert found.conversions.lift_of_exposed is None
    # The same people, less noise: nobody whom no ad could reach is compared.
    diluted = user_table_test(TABLE).conversions.incremental_conversions
    assert found.conversions.incremental_conversions.standard_error < diluted.standard_error


def test_ads_that_reached_the_control_arm_are_said():
    leaked = TABLE.assign(exposed=True)
    found = user_table_test(leaked)
    assert "Ads reached 4,000 control users" in found.summary()
    assert found.conversions.lift_of_exposed is None


def test_cost_in_the_control_arm_makes_the_cost_an_estimate():
    rng = np.random.default_rng(3)
    table = TABLE.assign(cost=rng.gamma(2, np.where(TABLE["arm"] == "treated", 0.05, 0.02)))
    found = user_table_test(table)
    t, c = table[table["arm"] == "treated"], table[table["arm"] == "control"]
    n = len(t)
    test = found.conversions
    assert test.cost_micros / 1e6 == pytest.approx(t["cost"].sum() - n * c["cost"].mean())
    assert test.cost_standard_error_micros / 1e6 == pytest.approx(
        n * math.sqrt(t["cost"].var() / n + c["cost"].var() / len(c))
    )
    covariance = n**2 * (
        np.cov(t["cost"], t["conversions"])[0, 1] / n + np.cov(c["cost"], c["conversions"])[0, 1] / len(c)
    )
    assert test.cost_covariance_micros / 1e6 == pytest.approx(covariance)
    assert "additional cost" in found.summary()
    assert found.incremental_return_on_ad_spend is None
    price = test.cost_per_incremental_conversion(0.95)
    assert price.bounded == (test.p_value < 0.05)
    with pytest.raises(LiftInputError, match="welch"):
        user_table_test(table, method="score")


def test_refunds_are_said():
    value = TABLE["value"].copy()
    value.iloc[0] = -20.0
    assert "refund" in user_table_test(TABLE.assign(value=value)).summary()


def problems_of(table, **options):
    with pytest.raises(LiftInputError) as refusal:
        user_table_test(table, **options)
    return refusal.value.problems


def test_missing_columns_are_all_named_with_a_hint():
    problems = problems_of(
        TABLE.rename(columns={"user_id": "userid", "conversions": "conversion"}).drop(columns="cost")
    )
    assert [p.split(":")[0] for p in problems] == ["user_id", "conversions", "cost"]
    assert "did you mean userid?" in problems[0]
    assert "did you mean conversion?" in problems[1]
    assert problems_of(TABLE.drop(columns="exposed"), design="ghost_ads")[0].startswith("exposed")


def test_bad_values_are_all_named():
    table = TABLE.head(100).copy()
    table["arm"] = np.where(np.arange(100) % 2, "treated", "controll")
    table.loc[3, "conversions"] = -1
    table.loc[[4, 5], "cost"] = -0.5
    table["value"] = "many"
    places = [p.split(":")[0] for p in problems_of(table)]
    assert sorted(places) == ["arm", "conversions", "cost", "value"]
    assert problems_of(TABLE.assign(exposed=2)) == (
        "exposed: values must be true or false; write true where an ad reached the user",
    )


def test_missing_values_are_counted():
    table = TABLE.astype({"conversions": "Int64"})
    table.loc[:2, "conversions"] = pd.NA
    assert problems_of(table)[0].startswith("conversions: 3 missing values")


def test_arms_that_are_missing_or_no_words_are_refused():
    assert problems_of(TABLE.assign(arm=None))[0].startswith("arm: 20,000 missing values")
    assert problems_of(TABLE.assign(arm=1))[0].startswith("arm: 1 must be treated or control")


def test_users_in_two_rows_or_two_arms_are_refused():
    twice = pd.concat([TABLE, TABLE.head(5), TABLE.head(3).assign(arm="control")])
    problems = problems_of(twice)
    assert "3 users in both arms" in problems[0]
    assert "2 users in several rows" in problems[1]


def test_an_arm_with_nobody_is_refused():
    assert problems_of(TABLE[TABLE["arm"] == "treated"])[0].startswith("control.users: 0")
    assert len(problems_of(TABLE.head(0))) == 2


def test_the_same_cost_for_every_user_of_an_arm_is_a_known_cost():
    # Sums of such costs round: their covariance with conversions must still be none.
    rng = np.random.default_rng(1)
    for _ in range(50):
        arm = np.where(rng.random(200) < 0.5, "treated", "control")
        price = rng.uniform(0.01, 1.0)
        table = pd.DataFrame(
            {
                "user_id": np.arange(200),
                "arm": arm,
                "conversions": (rng.random(200) < 0.2).astype(int),
                "cost": np.where(arm == "treated", price, price / 3),
            }
        )
        test = user_table_test(table).conversions
        assert test.cost_micros == pytest.approx(1e6 * (arm == "treated").sum() * price * 2 / 3)
        assert test.cost_per_incremental_conversion(0.95).cost == pytest.approx(test.cost_micros / 1e6)


# ---------------------------------------------------------------- before the test


def with_pre_period(table, seed=2, shift=0.0):
    """Conversions before the test by the same inclination as in it; `shift` more in the treated arm."""
    rng = np.random.default_rng(seed)
    taste = rng.gamma(0.5, 0.4, len(table))
    treated = (table["arm"] == "treated").to_numpy()
    during = rng.poisson(taste * np.where(treated, 1.2, 1.0))
    before = rng.poisson(3 * taste * np.where(treated, 1 + shift, 1.0))
    return table.assign(conversions=during, pre_period_conversions=before)


def test_the_adjusted_lift_is_the_regression_s_and_sharper():
    table = with_pre_period(TABLE)
    plain, adjusted = (user_table_test(table, adjusted=chosen).conversions.lift for chosen in (False, True))
    treated = (table["arm"] == "treated").to_numpy(float)
    apart = (table["pre_period_conversions"] - table["pre_period_conversions"].mean()).to_numpy()
    design = np.column_stack([np.ones(len(table)), treated, apart, treated * apart])
    coefficients, *_ = np.linalg.lstsq(design, table["conversions"].to_numpy(float), rcond=None)
    assert adjusted.difference == pytest.approx(coefficients[1])
    # Moments of the gamma mixture: ρ² = 0.24² / (0.28 · 1.32) = 0.156, so errors shrink to √(1 − ρ²) = 0.92 of the plain.
    assert adjusted.standard_error == pytest.approx(0.92 * plain.standard_error, rel=0.02)


def test_arms_that_differed_before_the_test_are_noted():
    # Seeded. A false alarm of the check has probability 0.001.
    alike, apart = (user_table_test(with_pre_period(TABLE, shift=shift)) for shift in (0.0, 0.3))
    assert alike.notes == ()
    assert alike.pre_period.p_value() > 0.001
    assert "differed before the test already" in apart.summary()


def test_an_adjustment_needs_a_pre_period_and_a_control_arm_without_cost():
    with pytest.raises(LiftInputError, match="pre_period_conversions: column is required"):
        user_table_test(TABLE, adjusted=True)
    table = with_pre_period(TABLE).assign(cost=1.0)
    with pytest.raises(LiftInputError) as refusal:
        user_table_test(table, method="score", adjusted=True)
    assert "score" in str(refusal.value)
    with pytest.raises(LiftInputError, match="must be zero in the control arm for an adjustment"):
        user_table_test(table, adjusted=True)


def test_users_assigned_as_one_count_as_one():
    households = TABLE.index // 4
    shared = TABLE["conversions"].groupby(households).transform("max")
    table = TABLE.assign(conversions=shared, cluster_id=households)
    alone = user_table_test(table.drop(columns="cluster_id"), method="welch").conversions.lift
    together = user_table_test(table).conversions.lift
    assert together.difference == pytest.approx(alone.difference)
    # Four users who do the same tell as much as one.
    assert together.standard_error == pytest.approx(2 * alone.standard_error, rel=0.01)
    worth = table.assign(value=40.0 * shared)
    values = [user_table_test(given).incremental_value for given in (worth, worth.drop(columns="cluster_id"))]
    assert values[0].difference == pytest.approx(values[1].difference)
    assert values[0].standard_error == pytest.approx(2 * values[1].standard_error, rel=0.01)
    assert "4,000 treated and 1,000 control clusters" in user_table_test(table).summary()


def test_clusters_agree_with_a_regression_of_clustered_errors():
    import statsmodels.api as sm

    clusters = TABLE.index // 3
    first = TABLE["arm"].groupby(clusters).transform("first")
    table = TABLE.assign(arm=first, cluster_id=clusters)
    fitted = sm.OLS(table["conversions"], sm.add_constant((first == "treated").astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    found = user_table_test(table).conversions.lift
    assert found.difference == pytest.approx(fitted.params.iloc[1])
    assert found.standard_error == pytest.approx(fitted.bse.iloc[1], rel=1e-3)


def test_a_cluster_in_both_arms_and_what_clusters_do_not_combine_with_are_refused():
    with pytest.raises(LiftInputError, match="clusters in both arms must be in one"):
        user_table_test(TABLE.assign(cluster_id=TABLE.index % 100))
    both = TABLE.assign(cluster_id=TABLE.index, pre_period_conversions=0)
    with pytest.raises(LiftInputError, match="must be left out for an adjustment"):
        user_table_test(both, adjusted=True)
    with pytest.raises(LiftInputError, match="must be zero in the control arm for cluster_id"):
        user_table_test(both.assign(cost=1.0))
