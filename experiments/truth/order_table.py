"""The orders of a world with their labels in words: one row per order and channel (days, micros)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.truth.effects import Truth, orders_of
from experiments.truth.order_labels import LABELS, PREVENTED, OrderLabels, Orders
from simulator.world import World


def order_table(world: World, truth: Truth) -> pa.Table:
    """Every order beside what it would have been without each channel's ads, and without all ads (channel `all`).

    Columns: `order_id` (as in the event log), `user_id`, `time`, `value_micros`, `reported` (whether it falls into the
    reported window, or into the follow-up), `channel`, and `label`: `always`, `moved`, `caused`; or `prevented`, for an order
    that happens only without the channel's ads, with the time and value it has there. Sorted by channel, then by order.
    """
    fact = orders_of(world)
    channels = tuple(truth.labels)
    parts = [_of_channel(k, channels, fact, labels) for k, labels in enumerate(truth.labels.values())]
    if not parts:
        parts = [_table(0, ("all",), fact.chosen(np.zeros(0, np.int64)), np.zeros(0, np.uint8))]
    table = pa.concat_tables(parts)
    reported = pc.less(table["time"], world.clock.days)
    return table.add_column(table.column_names.index("channel"), "reported", reported)


def _of_channel(k: int, channels: tuple[str, ...], fact: Orders, labels: OrderLabels) -> pa.Table:
    there = labels.prevented_orders
    both = Orders(
        np.concatenate([fact.order_id, there.order_id]),
        np.concatenate([fact.time, there.time]),
        np.concatenate([fact.value_micros, there.value_micros]),
    )
    label = np.concatenate([labels.label, np.full(labels.prevented, PREVENTED, np.uint8)])
    rising = np.argsort(both.order_id, kind="stable")
    return _table(k, channels, both.chosen(rising), label[rising])


def _table(k: int, channels: tuple[str, ...], orders: Orders, label: np.ndarray) -> pa.Table:
    def words(codes: np.ndarray, known: tuple[str, ...]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(known, pa.string()))

    return pa.table(
        {
            "order_id": pa.array(orders.order_id),
            "user_id": pa.array((orders.order_id >> 32).astype(np.uint32)),
            "time": pa.array(orders.time),
            "value_micros": pa.array(orders.value_micros),
            "channel": words(np.full(len(label), k), channels),
            "label": words(label, LABELS),
        }
    )
