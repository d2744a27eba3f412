"""A table of users, and the command run where it lies."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def cpalab(cpalab_here):
    return cpalab_here


@pytest.fixture
def users(tmp_path):
    """A user-level test with an effect, as CSV."""
    rng = np.random.default_rng(1)
    arm = np.repeat(["treated", "control"], [6_000, 4_000])
    conversions = (rng.random(10_000) < np.where(arm == "treated", 0.07, 0.05)).astype(int)
    table = pd.DataFrame(
        {
            "user_id": np.arange(10_000),
            "arm": arm,
            "exposed": (arm == "treated") & (rng.random(10_000) < 0.6),
            "conversions": conversions,
            "value": conversions * 20.0,
            "cost": np.where(arm == "treated", 0.05, 0.0),
        }
    )
    file = tmp_path / "users.csv"
    table.to_csv(file, index=False)
    return file
