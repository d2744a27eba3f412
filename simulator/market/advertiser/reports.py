"""Reports: what each system shows at an hour of the conversions it has recorded by then (conversions, currency)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulator.events import EVENT_SCHEMA, events_table, kind_names
from simulator.law.log import CLICK, IMPRESSION
from simulator.record.claims import CLAIM_SCHEMA
from simulator.record.record import record_block
from simulator.record.stages.modelling import observe_clicks
from simulator.record.stages.reporting import reported
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.stages.transport import counted_kinds
from simulator.record.systems.crm import STAGES
from simulator.record.true_events import blocks
from simulator.scenario.build_law import Names
from simulator.scenario.clock import Clock
from simulator.scenario.schema import Scenario
from simulator.scenario.sellers import sellers

HOURS_SHIFTED = 1.0  # days by which a report's time zone can move a claim, at most


@dataclass(frozen=True)
class _SoFar:
    """A world as far as it has come, as the record reads it."""

    scenario: Scenario
    users: pa.Table
    events: pa.Table
    market: pa.Table | None = None


class Reports:
    """The systems' reports, read while the market runs.

    At each hour the record's own stages are applied to what has happened by then: claims count once they have arrived, and
    today's can still grow. The warm-up's conversions are reported too.
    """

    def __init__(
        self,
        scenario: Scenario,
        names: Names,
        users: Callable[[], pa.Table],
        rows_after: Callable[[list[int]], list[Any]],
    ) -> None:
        self.scenario, self.names = scenario, names
        self._users, self.rows_after = users, rows_after
        self.read: list[int] = []
        self.rows: list[Any] = []
        self.people: list[npt.NDArray[np.uint32]] = []
        self.clicks: list[Any] = []
        self.acted: list[Any] = []
        self.known: dict[float, pa.Table] = {}
        self.known_at = -np.inf

    @cached_property
    def users(self) -> pa.Table:
        """Who the people are, one row each."""
        return self._users()

    @cached_property
    def regime(self) -> TrackingInForce:
        """The tracking in force, day by day."""
        return TrackingInForce.of(self.scenario)

    @cached_property
    def needed(self) -> list[str]:
        """The kinds of events that any system can count."""
        kinds = {kind for kinds in STAGES.values() for kind in kinds}
        return sorted(kinds.union(*(counted_kinds(t.transport.action) for t in self.regime.trackings)))

    def claims(self, now: float, since: float) -> pa.Table:
        """What the systems claim of the actions from a day on, as far as they know of it now (CLAIM_SCHEMA)."""
        if now != self.known_at:
            self.known, self.known_at = {}, now
            self._read_on()
        if since not in self.known:
            self.known[since] = self._claims(now, since)
        return self.known[since]

    def happened(self, now: float) -> pa.Table:
        """The event log up to now: the truth, which only the oracle tells."""
        self._read_on()
        return self._table(self.rows, now)

    def _claims(self, now: float, since: float) -> pa.Table:
        acting = self._acting(now, since)
        if not acting.any():
            return CLAIM_SCHEMA.empty_table()
        days = self.regime.days <= now
        days[0] = True
        begun = int(days.sum())
        regime = TrackingInForce(self.regime.days[:begun], self.regime.scenarios[:begun], self.regime.trackings[:begun])
        market = sellers(self.scenario)
        theirs = [rows[acting[people]] for rows, people in zip(self.rows, self.people, strict=True)]
        world = _SoFar(self.scenario, self.users, self._table(theirs, now))
        all_clicks = _SoFar(self.scenario, self.users, self._table(self.clicks, now))
        modelling = observe_clicks(all_clicks, regime, market.of_channel, len(market.platforms))
        tables = []
        for block in blocks(world, self.needed, len(acting), since=float(Clock.of(self.scenario).start)):
            parts, _ = record_block(block, regime, market, modelling)
            tables += parts
        claims = pa.concat_tables(tables).unify_dictionaries()
        return reported(claims, regime, now - regime.trackings[-1].report.read_after_days)

    def _acting(self, now: float, since: float) -> npt.NDArray[np.bool_]:
        """Who has done something that can be counted since then."""
        acting = np.zeros(self.users.num_rows, np.bool_)
        for acts in self.acted:
            acting[acts["user"][(acts["time"] >= since - HOURS_SHIFTED) & (acts["time"] < now)]] = True
        return acting

    def _read_on(self) -> None:
        kinds = [kind_names(self.names).index(kind) for kind in self.needed]
        for rows in self.rows_after(self.read):
            self.rows.append(rows)
            self.people.append(np.ascontiguousarray(rows["user"]))
            self.clicks.append(rows[rows["kind"] == CLICK])
            counted = np.isin(rows["kind"], kinds) & (rows["kind"] != IMPRESSION)
            self.acted.append(rows[counted][["user", "time"]])

    def _table(self, parts: list[Any], now: float) -> pa.Table:
        """These rows as far as they have happened, by person and in order of time, as an event log."""
        rows = np.concatenate(parts) if parts else None
        if rows is None:
            return EVENT_SCHEMA.empty_table()
        rows = rows[rows["time"] < now]
        return events_table(rows[np.argsort(rows["user"], kind="stable")], self.names)
