"""A holdout of people, from the totals of its arms: lift, interval, and what an extra order cost."""

import pandas as pd

from experiments.lift import user_table_test

totals = pd.DataFrame(
    {"arm": ["treated", "control"], "users": [90_000, 10_000], "conversions": [1_130, 96], "cost": [5_400.0, 0.0]}
)
test = user_table_test(totals)
print(test.summary())
