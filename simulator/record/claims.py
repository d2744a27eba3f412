"""Claims: one row per action and channel that a system credits (conversions as numbers, money in integer micros)."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from simulator.record.record_draws import Codes, Floats, Ints
from simulator.record.stages.visit_sources import source_words
from simulator.record.true_events import Block
from simulator.scenario.tracking import BROWSERS

SYSTEMS = ("platform", "analytics", "crm", "crm_qualified", "crm_closed", "crm_kept")

_WORD = pa.dictionary(pa.int16(), pa.string())
CLAIM_SCHEMA = pa.schema(
    [
        pa.field("system", _WORD),
        pa.field("reporter", _WORD),
        pa.field("user_id", pa.uint32()),
        pa.field("order_id", pa.int64()),
        pa.field("channel", _WORD),
        pa.field("campaign", _WORD),
        pa.field("creative", _WORD),
        pa.field("device", _WORD),
        pa.field("browser", _WORD),
        pa.field("geo", _WORD),
        pa.field("segment", _WORD),
        pa.field("returning", pa.bool_()),
        pa.field("time", pa.float64(), metadata={"unit": "days"}),
        pa.field("visit_time", pa.float64(), metadata={"unit": "days"}),
        pa.field("touch_time", pa.float64(), metadata={"unit": "days"}),
        pa.field("booked", pa.float64(), metadata={"unit": "days"}),
        pa.field("arrival", pa.float64(), metadata={"unit": "days"}),
        pa.field("view_through", pa.bool_()),
        pa.field("conversions", pa.float64()),
        pa.field("modelled", pa.float64()),
        pa.field("value_micros", pa.int64()),
        pa.field("fee_micros", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Claims:
    """What one system claims of one block (n,).

    Attributes:
        action: row of the action; user, order_id, time and returning are copied from it, device and place from its visit.
        reporter: name of the platform or system.
        channel: position in `source_words`.
        campaign, creative: positions, -1 for none.
        touched: the time of the touch that is credited (visit_time is that of the action's own visit).
        booked: the time it is booked at, in days; arrival: when it is known.
        conversions: credit; modelled: conversions added by modelling on top.
        value_micros: value that comes with the credit; fee_micros: what is owed for the claim.
    """

    action: Ints
    reporter: Codes
    channel: Codes
    campaign: Codes
    creative: Codes
    view_through: Any
    touched: Floats
    booked: Floats
    arrival: Floats
    conversions: Floats
    modelled: Floats
    value_micros: Ints
    fee_micros: Ints

    @staticmethod
    def join(parts: "list[Claims]") -> "Claims":
        """All parts one after the other."""
        return Claims(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Claims)))

    def keep(self, mask: Any) -> "Claims":
        """The claims of this mask."""
        return Claims(*(getattr(self, field.name)[mask] for field in fields(self)))


def claims_table(
    system: str, reporters: tuple[str, ...], claims: Claims, block: Block, actions: Any, browser: Codes
) -> pa.Table:
    """The claims of one system as a table."""
    visits = block.visits
    action = claims.action
    visit = actions.visit[action]
    user = actions.user[action]
    names = block.names

    def words(position: Any, known: tuple[str, ...]) -> pa.DictionaryArray:
        wide = np.asarray(position, np.int16)
        return pa.DictionaryArray.from_arrays(pa.array(wide, mask=wide < 0), pa.array(known, pa.string()))

    return pa.Table.from_arrays(
        [
            words(np.zeros(len(action)), (system,)),
            words(claims.reporter, reporters),
            pa.array(user.astype(np.uint32)),
            pa.array(actions.order_id[action]),
            words(claims.channel, source_words(names)),
            words(claims.campaign, block.campaigns),
            words(claims.creative, block.creatives),
            words(visits.device[visit], names.devices),
            words(browser[visit], BROWSERS),
            words(visits.geo[visit], names.geos),
            words(block.segment[user - block.first], names.segments),
            pa.array(actions.returning[action]),
            pa.array(actions.time[action]),
            pa.array(visits.time[visit]),
            pa.array(claims.touched),
            pa.array(claims.booked),
            pa.array(claims.arrival),
            pa.array(np.asarray(claims.view_through, np.bool_)),
            pa.array(claims.conversions),
            pa.array(claims.modelled),
            pa.array(claims.value_micros),
            pa.array(claims.fee_micros),
        ],
        schema=CLAIM_SCHEMA,
    )
