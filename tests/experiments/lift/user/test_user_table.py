"""The user-level test from a table with one row per user."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.user.user_table import user_table_test
from experiments.lift.user.user_test import user_holdout_test


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
    assert [note.partition(" of ")[0] for note in found.notes] == ["Value"]


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
    # Few conversions take score limits here too.
    assert user_table_test(table, method="score").conversions.method == "score"


def test_refunds_are_said():
    value = TABLE["value"].copy()
    value.iloc[0] = -20.0
    assert "refund" in user_table_test(TABLE.assign(value=value)).summary()


def problems_of(table, **options):
    with pytest.raises(LiftInputError) as refusal:
        user_table_test(table, **options)
    return refusal.value.lines


def test_missing_columns_are_all_named_with_a_hint():
    problems = problems_of(TABLE.rename(columns={"user_id": "userid", "conversions": "conversion"}))
    assert [p.split(":")[0] for p in problems] == ["user_id", "conversions"]
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
    assert problems_of(TABLE.head(0))[0].startswith("table: 0 rows must be at least one")


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
    table = TABLE.drop(columns="value")
    alike, apart = (user_table_test(with_pre_period(table, shift=shift)) for shift in (0.0, 0.3))
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
    both = TABLE.assign(cluster_id=TABLE.index)
    with pytest.raises(LiftInputError, match="must be zero in the control arm for cluster_id"):
        user_table_test(both.assign(cost=1.0))


# ---------------------------------------------------------------- money, exposure, words


def ghosts(users=4_000, seed=3):
    """A ghost-ad test in which money was also spent on people whom no ad reached."""
    table = make_table(users, seed, treated_share=0.5)
    reached = np.random.default_rng(seed).random(users) < 0.3
    return table.assign(exposed=reached, cost=np.where(table["arm"] == "treated", 0.05, 0.0))


def test_ghost_ads_price_the_conversions_with_all_money_of_the_treated_arm():
    table = ghosts()
    found = user_table_test(table, design="ghost_ads")
    assert found.conversions.cost_micros == pytest.approx(100e6)
    assert found.conversions.cost_standard_error_micros == 0
    elsewhere = 0.05 * ((table["arm"] == "treated") & ~table["exposed"]).sum()
    assert f"The cost holds {elsewhere:,.2f} spent on treated users whom no ad reached" in found.summary()
    reached = table.assign(cost=table["cost"] * table["exposed"]).drop(columns="value", errors="ignore")
    only_reached = user_table_test(reached, design="ghost_ads")
    assert only_reached.notes == ()
    assert only_reached.conversions.cost_micros == pytest.approx(100e6 - 1e6 * elsewhere)


@pytest.mark.parametrize("everywhere", [True, False])
def test_ghost_ads_say_which_money_is_left_out_where_the_control_arm_has_cost(everywhere):
    table = ghosts()
    in_control = (table["arm"] == "control") & (everywhere | ~table["exposed"])
    table["cost"] = np.where(in_control, 0.02, table["cost"])
    found = user_table_test(table, design="ghost_ads")
    left = table.loc[~table["exposed"]].groupby("arm")["cost"].sum()
    words = f"Left out of the cost: {left['treated']:,.2f} spent on treated and {left['control']:,.2f} on control"
    assert words in found.summary()
    stratum = table[table["exposed"]]
    t, c = stratum[stratum["arm"] == "treated"], stratum[stratum["arm"] == "control"]
    assert found.conversions.cost_micros / 1e6 == pytest.approx(t["cost"].sum() - len(t) * c["cost"].mean())


def test_effects_on_the_assigned_and_on_the_exposed_are_told_apart():
    found = user_table_test(TABLE)
    t, c = TABLE[TABLE["arm"] == "treated"], TABLE[TABLE["arm"] == "control"]
    reached = t[t["exposed"]]
    itt = t["conversions"].mean() - c["conversions"].mean()
    att = itt * len(t) / len(reached)
    row = found.to_frame().iloc[1]
    assert row["exposed_users"] == len(reached)
    assert row["share_exposed"] == pytest.approx(len(reached) / len(t))
    assert row["itt"] == pytest.approx(itt)
    assert row["att"] == pytest.approx(att)
    assert row["relative_conversion_lift"] == pytest.approx(itt / c["conversions"].mean())
    # Over what the exposed would have done without ads: their rate less the effect.
    assert row["relative_att_lift"] == pytest.approx(att / (reached["conversions"].mean() - att))
    for name in ("itt", "att", "relative_att_lift"):
        assert row[f"{name}_lower"] < row[name] < row[f"{name}_upper"]
    assert f"a lift of {itt / c['conversions'].mean():.1%} over all assigned (ITT)" in found.summary()
    assert f"effect on the exposed (ATT) {1000 * att:,.2f} conversions per 1,000" in found.summary()
    assert f"a lift of {row['relative_att_lift']:.1%} over what they would have done" in found.summary()


def test_few_conversions_still_give_the_lift_of_the_exposed():
    few = TABLE.iloc[::20]
    found = user_table_test(few)
    assert found.conversions.method == "score"
    t, c = few[few["arm"] == "treated"], few[few["arm"] == "control"]
    att = (t["conversions"].mean() - c["conversions"].mean()) * len(t) / t["exposed"].sum()
    counterfactual = t.loc[t["exposed"], "conversions"].mean() - att
    row = found.to_frame().iloc[1]
    assert row["relative_att_lift"] == pytest.approx(att / counterfactual)
    assert (row["relative_att_lift_lower"], row["relative_att_lift_upper"]) == (-math.inf, math.inf)


def test_outcomes_that_never_vary_take_the_lift_of_the_exposed_over_their_own_baseline():
    table = TABLE.assign(conversions=2)
    assert user_table_test(table).to_frame()["relative_att_lift"].tolist() == [0.0, 0.0]
    arms = np.where(TABLE["arm"] == "treated", 4, 2)
    row = user_table_test(TABLE.assign(conversions=arms)).to_frame().iloc[0]
    share = TABLE.loc[TABLE["arm"] == "treated", "exposed"].mean()
    assert row["att"] == pytest.approx(2 / share)
    # All four conversions of the unexposed would have come anyway: of the control's rate nothing remains.
    assert math.isnan(row["relative_att_lift"]) == (2 - 4 * (1 - share) <= 0)


def test_without_exposure_no_effect_on_the_exposed_is_told():
    found = user_table_test(TABLE.drop(columns="exposed"))
    assert not {"itt", "att", "relative_att_lift", "share_exposed"} & set(found.to_frame().columns)
    assert "ITT" not in found.summary()
    assert "ATT" not in found.summary()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"design": "ghostads"},
            "design: ghostads must be one of intention_to_treat, ghost_ads; did you mean ghost_ads?",
        ),
        ({"method": "bayes"}, "method: bayes must be one of auto, welch, score"),
        ({"levels": 0.95}, "levels: 0.95 must be a sequence of confidence levels; write (0.95,)"),
        ({"levels": "0.95"}, "levels: 0.95 must be a sequence of confidence levels; write (0.95,)"),
        ({"levels": ("high",)}, "level: high must be a number; write 0.95 for 95 %"),
        ({"levels": ()}, "levels: () must hold at least one confidence level"),
    ],
)
def test_words_and_levels_that_are_none_are_refused(options, words):
    assert words in problems_of(TABLE, **options)[0]


def test_what_is_no_identity_or_number_is_refused_in_a_sentence():
    small = TABLE.head(100)
    assert "user_id: lists" in problems_of(small.assign(user_id=[[i] for i in range(100)]))[0]
    unknown = pd.array([True] * 99 + [pd.NA], dtype="boolean")
    assert problems_of(small.assign(exposed=unknown))[0].startswith("exposed: 1 missing values")
    assert "cost: values up to 1e+306 must be below" in problems_of(small.assign(cost=1e306))[0]
    assert "conversions: values up to 1e+300 must be below" in problems_of(small.assign(conversions=1e300))[0]
    assert "table: list must be a data frame" in problems_of([1, 2])[0]


def test_where_few_conversions_have_no_score_limits_the_answer_says_so():
    rng = np.random.default_rng(1)
    arm = np.where(rng.random(4_000) < 0.9, "treated", "control")
    few = pd.DataFrame(
        {"user_id": range(4_000), "arm": arm, "conversions": (rng.random(4_000) < 0.03).astype(int), "cost": 0.0}
    )
    before = few.assign(pre_period_conversions=rng.integers(0, 2, 4_000))
    said = "Few conversions in an arm"
    assert said not in user_table_test(few).summary()  # score limits
    assert said in user_table_test(few, method="welch").summary()
    # An adjustment is left out, clusters are read by permutation: both say so, and neither claims more.
    plain = user_table_test(few).conversions
    adjusted = user_table_test(before, adjusted=True)
    assert "Too few conversions in an arm for an adjustment" in adjusted.summary()
    assert adjusted.conversions.lift == plain.lift
    clustered = user_table_test(few.assign(cluster_id=few["user_id"]))
    assert clustered.conversions.method == "permutation"
    assert said not in user_table_test(before.assign(conversions=rng.integers(0, 4, 4_000)), adjusted=True).summary()
