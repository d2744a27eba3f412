"""Orders with labels in words: what the truth counts is what the table holds, channel by channel."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cpalab.refusal import ScenarioError
from experiments.truth.effects import measure_truth
from experiments.truth.order_table import order_table


@pytest.fixture(scope="module")
def truth(unlimited):
    return measure_truth(unlimited)


def test_the_table_counts_what_the_truth_counts(unlimited, truth):
    table = order_table(unlimited, truth).to_pandas()
    reported = table[table["reported"] | (table["label"] == "prevented")]
    counted = reported.groupby(["channel", "label"], observed=True).size().to_dict()
    for channel, labels in truth.labels.items():
        assert {name: counted.get((channel, name), 0) for name in labels.counts()} == labels.counts()
    for effect in truth.effects:
        own = table[table["channel"] == effect.channel]
        gained, lost = (own["label"] == label for label in ("caused", "prevented"))
        assert gained.sum() - lost.sum() == effect.incremental_conversions


def test_orders_that_happened_are_those_of_the_log(unlimited, truth):
    table = order_table(unlimited, truth).to_pandas()
    log = unlimited.orders_until(math.inf).to_pandas()[["order_id", "user_id", "time", "value_micros"]]
    for channel in truth.labels:
        own = table[(table["channel"] == channel) & (table["label"] != "prevented")]
        assert own[log.columns].reset_index(drop=True).equals(log)
        assert own["reported"].sum() == unlimited.orders().num_rows


def test_a_world_of_another_law_is_refused(unlimited):
    orders = unlimited.orders()
    events = unlimited.events
    value = events["value_micros"].to_numpy().copy()
    value[np.flatnonzero((events["kind"].to_numpy() == "conversion") & (events["time"].to_numpy() >= 0.0))[0]] += 1
    changed = events.set_column(events.column_names.index("value_micros"), "value_micros", pa.array(value))
    assert orders.num_rows > 0
    with pytest.raises(ScenarioError, match="was made by another law than today"):
        measure_truth(replace(unlimited, events=changed))
