"""The event log: its columns, and how the rows the law writes become an Arrow table.

One row per event, sorted by (user_id, session, order within the session). Times in days from the beginning of the reported
window: those of the warm-up are negative, those of the follow-up lie after `run.days`; money in integer micros. What becomes
of an order (qualified, closed, refund) is logged when its delay has passed, be it after the end of the run.
`geo` is where the session happened. `order_id` is user_id × 2^32 + session and joins an order with what became of it.

What a user-level test writes: `ghost`, an ad that was won and withheld; `psa`, a placebo ad shown in its place, with what it
cost; `predicted`, a person's entry into a test on predicted ads, in either arm.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulator.law.log import CONVERSION, FAKE_LEAD
from simulator.scenario.build_law import Names

KINDS = (
    "impression",
    "ghost",
    "click",
    "visit",
    "conversion",
    "qualified",
    "closed",
    "refund",
    "fee",
    "fake_lead",
    "psa",
    "predicted",
)

_WORD = pa.dictionary(pa.int16(), pa.string())
EVENT_SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.uint32(), nullable=False),
        pa.field("session", pa.uint32(), nullable=False),
        pa.field("time", pa.float64(), nullable=False, metadata={"unit": "days"}),
        pa.field("kind", _WORD, nullable=False),
        pa.field("channel", _WORD),
        pa.field("campaign", _WORD),
        pa.field("creative", _WORD),
        pa.field("device", _WORD, nullable=False),
        pa.field("geo", _WORD, nullable=False),
        pa.field("order_id", pa.int64()),
        pa.field("cost_micros", pa.int64(), nullable=False),
        pa.field("value_micros", pa.int64(), nullable=False),
    ]
)


def kind_names(names: Names) -> tuple[str, ...]:
    """The word for each kind of event; `micro:STEP` for every funnel step before the last."""
    return KINDS + tuple(f"micro:{step}" for step in names.steps[:-1])


def events_table(rows: Any, names: Names) -> pa.Table:
    """The event log of these rows (ROW, sorted by person)."""
    kind = rows["kind"]
    user = rows["user"]
    has_order = (kind >= CONVERSION) & (kind <= FAKE_LEAD)
    order_id = (user.astype(np.int64) << 32) | rows["session"]
    return pa.Table.from_arrays(
        [
            pa.array(user),
            pa.array(rows["session"]),
            pa.array(rows["time"]),
            _words(kind, kind_names(names)),
            _words(rows["channel"], names.channels),
            _words(rows["campaign"], tuple(campaign.name for campaign in names.campaigns)),
            _words(rows["creative"], names.creatives),
            _words(rows["device"], names.devices),
            _words(rows["geo"], names.geos),
            pa.array(order_id, mask=~has_order),
            pa.array(rows["cost_micros"]),
            pa.array(rows["value_micros"]),
        ],
        schema=EVENT_SCHEMA,
    )


def is_micro(kind: str) -> bool:
    """Whether a kind of event is a micro-conversion."""
    return kind.startswith("micro:")


def _words(codes: npt.NDArray[Any], words: tuple[str, ...]) -> pa.DictionaryArray:
    """Positions as words; a negative position is none. Equal words share one entry."""
    distinct = tuple(dict.fromkeys(words))
    place = np.array([distinct.index(word) for word in words] or [0], dtype=np.int16)
    wide = codes.astype(np.int16)
    return pa.DictionaryArray.from_arrays(pa.array(place[wide], mask=wide < 0), pa.array(distinct, pa.string()))
