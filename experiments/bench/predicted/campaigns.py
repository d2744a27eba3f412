"""Campaigns as rows: what each cost and how it was delivered, what models credit, what its test found, what it caused."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from attribution.model import AttributionModel
from attribution.paths.build import build_paths
from attribution.paths.settings import PathSettings
from cpalab.micros import MICROS
from cpalab.refusal import LiftInputError
from experiments.bench.predicted.advertisers import drawn_advertiser
from experiments.comparison.perfect_tracking import touches_and_orders
from experiments.designs.tested_truth import effects_of_test
from experiments.designs.users.exposed_test import GHOST_ADS
from simulator.scenario.schema import Campaign, Channel
from simulator.world import World, simulate

__all__ = ["SEVEN_DAYS", "campaigns_of"]

# Seven days of clicks, as ad platforms count by default.
SEVEN_DAYS = PathSettings(lookback_days=7.0, direct="ignored_unless_alone")
FEWEST_EXPOSED = 100  # people of either arm whom an ad or its ghost reached: with fewer there is no test to speak of


def campaigns_of(
    number: int, models: Sequence[AttributionModel], *, users: int, days: float, unlike: float
) -> list[dict[str, Any]]:
    """The campaigns of one advertiser, a row each; those whose test reached too few people are left out.

    All figures are of the people whose ads were not withheld, as a test's own: `caused` is what their ads caused, `label`
    what the ghost-ads test of the same people found, with its standard error `noise`.
    """
    world = simulate(drawn_advertiser(number, users=users, days=days, unlike=unlike))
    names = world.scenario.paid_channels()
    truth = effects_of_test(world, names, 1)
    credits = _credits(world, models)
    delivered = _delivered(world)
    orders = world.orders().num_rows / world.users.num_rows
    rows = []
    for name in names:
        try:
            test = GHOST_ADS.test(world, name).conversions
        except LiftInputError:
            continue
        cost = truth[name].cost_micros / MICROS
        if cost <= 0 or min(test.treated.users, test.control.users) < FEWEST_EXPOSED:
            continue
        lift = test.incremental_conversions
        channel = world.scenario.channels[name]
        (campaign,) = channel.campaigns.values()
        rows.append(
            {
                "advertiser": number,
                "campaign": name,
                "kind": name.split("_", 2)[2],
                "cost": cost,
                "label": lift.difference,
                "noise": lift.standard_error,
                "caused": float(truth[name].incremental_conversions),
            }
            | {f"credited_{model}": own.get(name, 0.0) for model, own in credits.items()}
            | {"orders_per_person": orders}
            | _seen(channel, campaign, delivered[name], test.treated.users, cost)
        )
    return rows


def _credits(world: World, models: Sequence[AttributionModel]) -> dict[str, dict[str, float]]:
    """What each model credits each channel with."""
    paths = build_paths(*touches_and_orders(world), SEVEN_DAYS)
    found = {}
    for model in models:
        credit = model.fit(paths).credit(paths)
        found[str(model.name)] = dict(zip(credit.channels, credit.conversions.tolist(), strict=True))
    return found


def _delivered(world: World) -> dict[str, dict[str, int]]:
    counts = world.to_frame().set_index("channel")
    return {str(name): {k: int(row[k]) for k in ("impressions", "clicks")} for name, row in counts.iterrows()}


def _seen(channel: Channel, campaign: Campaign, delivered: dict[str, int], reached: int, cost: float) -> dict[str, Any]:
    """What the advertiser's account shows of a campaign."""
    impressions = max(delivered["impressions"], 1)
    return {
        "surface": str(channel.surface),
        "audience": campaign.targeting.audience,
        "log_cost": float(np.log(cost)),
        "log_cpm": float(np.log(1000 * cost / impressions)),
        "click_rate": delivered["clicks"] / impressions,
        "frequency": impressions / max(reached, 1),
        "optimisation": campaign.optimisation,
    }
