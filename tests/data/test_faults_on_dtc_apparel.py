"""The fault table and the default scenario's own tracking agree: replayed and closed-form multiplier, fault by fault.

Seeds are fixed; each comparison allows 5 standard errors of the people whose actions a fault hits: a false alarm once in
1.7 million draws each.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from experiments.rollout.change_file import PlannedChange, apply
from simulator.record.closed_forms import multipliers
from simulator.record.rates import measure_rates
from simulator.record.record import record
from simulator.scenario.faults import FAULTS

pytestmark = pytest.mark.xdist_group("dtc-apparel")

# Where a click that is lost leaves a view to claim the action, or one system's rules differ by platform, a formula for
# clicks says no more than the direction; those faults are compared under perfect tracking (tests/simulator/record).
COMPARED = {
    "tag_outage": ("platform", "analytics", "crm"),
    "partial_outage": ("analytics", "crm"),
    "duplicate_firing": ("platform", "analytics", "crm"),
    "undeduplicated_server": ("platform", "analytics", "crm"),
    "server_side": ("platform", "analytics", "crm"),
    "value_bug": ("platform", "analytics", "crm"),
    "time_zone": ("platform", "analytics", "crm"),
    "model_change": ("platform", "analytics", "crm"),
    "platform_model": ("platform", "analytics", "crm"),
    "gateway_referral": ("platform", "analytics", "crm"),
    "consent_banner": ("analytics", "crm"),
    "fake_leads": ("platform", "analytics"),
    "report_sampling": ("platform", "analytics", "crm"),
    "rows_withheld": ("platform", "crm"),
    "crm_match_loss": ("platform", "analytics", "crm"),
}
ALL_SOURCES = ("model_change", "report_sampling", "tag_outage", "duplicate_firing", "fake_leads", "consent_banner")


@pytest.fixture(scope="module")
def today(world_of):
    world = world_of("dtc-apparel", 300_000)
    return world, record(world)


def claimed(found, system, world, fault):
    """Conversions per person of the channels that the fault concerns: those of ad platforms, or all sources."""
    scenario = world.scenario
    platforms = [name for rules in scenario.tracking.platforms.values() for name in rules.channels]
    rows = found.claims.filter(pc.equal(found.claims["system"].cast(pa.string()), system))
    if system == "platform" or fault not in ALL_SOURCES:
        rows = rows.filter(pc.is_in(rows["channel"].cast(pa.string()), pa.array(platforms)))
    amount = rows["conversions"].to_numpy() + rows["modelled"].to_numpy()
    return np.bincount(rows["user_id"].to_numpy(), weights=amount, minlength=world.users.num_rows)


@pytest.mark.parametrize("fault", COMPARED)
def test_replay_and_closed_form_agree(today, fault):
    world, before = today
    known = next(one for one in FAULTS if one.name == fault)
    after = record(
        replace(world, scenario=apply(world.scenario, [PlannedChange("", {f"tracking.faults.{fault}": known.usual})]))
    )
    expected = multipliers(fault, known.usual, measure_rates(world, before))
    for system in COMPARED[fault]:
        own, its = (claimed(found, system, world, fault) for found in (before, after))
        # Of ln(Σ its / Σ own) over people, both counted on the same ones.
        error = float(np.sqrt(np.sum((its / its.sum() - own / own.sum()) ** 2)))
        assert own.sum() / its.sum() == pytest.approx(expected[system], rel=5 * error + 1e-9), system
