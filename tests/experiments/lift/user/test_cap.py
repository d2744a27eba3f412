"""Value under a cap: one threshold for both arms, and a word on what it leaves out (units of money)."""

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.user.cap import Cap
from experiments.lift.user.user_table import user_table_test


def shop(whale=0.0):
    rng = np.random.default_rng(3)
    users = 6_000
    conversions = (rng.random(users) < 0.1).astype(int)
    value = conversions * rng.gamma(2.0, 20.0, users)
    value[0] = max(value[0], whale)
    conversions[0] = 1
    arm = np.where(np.arange(users) < 3_000, "treated", "control")
    return pd.DataFrame({"user_id": range(users), "arm": arm, "conversions": conversions, "cost": 0.1, "value": value})


def test_a_whale_counts_as_the_cap():
    with_whale, without = (user_table_test(shop(whale), cap=Cap(200.0)) for whale in (50_000.0, 200.0))
    assert with_whale.incremental_value.difference == pytest.approx(without.incremental_value.difference)
    assert "Value is capped at 200.00 per user" in with_whale.summary()
    assert "49,800.00 in all" in with_whale.summary()
    assert (
        user_table_test(shop(50_000.0)).incremental_value.difference > with_whale.incremental_value.difference + 49_000
    )


def test_a_percentile_is_that_of_all_buyers():
    table = shop()
    buyers = table.loc[table["value"] > 0, "value"]
    capped, said = Cap.of("95%").capped(table["value"].to_numpy())
    assert capped.max() == pytest.approx(np.percentile(buyers, 95))
    assert f"{(table['value'] > capped.max()).sum():,} users had more" in said[0]


@pytest.mark.parametrize("text", ["0", "-5", "100%", "20%", "much"])
def test_other_thresholds_are_refused(text):
    with pytest.raises(LiftInputError, match="cap: "):
        Cap.of(text)


def test_a_cap_needs_value():
    with pytest.raises(LiftInputError, match="cap: must not be given without a column value"):
        user_table_test(shop().drop(columns="value"), cap=Cap(10.0))
