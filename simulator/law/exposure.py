"""Step 4, exposure: what seeing the ad does to the person."""

import math
from typing import Any

import numpy as np

from simulator.compiled import part
from simulator.law.board import Board
from simulator.law.moment import Moment
from simulator.law.parameters import Law
from simulator.law.state import Attitude, Offer, Shown


@part
def exposure(
    law: Law, board: Board, goodwill: Any, shown: Shown, attitude: Attitude, moment: Moment, offer: Offer
) -> Attitude:
    """Goodwill rises by strength × creative × freshness × (1 + synergy) / (1 + goodwill / saturation).

    Diminishing returns come from the denominator, synergy from the goodwill of other channels. Beyond
    `overexposure_impressions` of one creative every further impression annoys instead; people recover from both.
    """
    campaign = law.campaigns[moment.epoch, offer.campaign]
    k = campaign.channel
    channel = law.channels[moment.epoch, k]
    count_impression(campaign, shown, moment, offer.campaign)
    worn = wear(board, channel, shown, moment, offer.creative)
    if worn > channel.overexposure_impressions:
        gain = -channel.annoyance_per_impression
    else:
        creative = law.creatives[moment.epoch, offer.creative]
        gain = (
            channel.goodwill_per_impression
            * creative.goodwill_factor
            * board.freshness[moment.tick, offer.creative]
            * (1.0 + synergy(law, goodwill, moment, k))
            / (1.0 + max(goodwill[k], 0.0) / channel.saturation)
        )
    gain = max(gain, -1.0 - goodwill[k])
    goodwill[k] += gain
    return Attitude(attitude.need, attitude.upstream, attitude.direct + channel.direct_effect * gain)


@part
def synergy(law: Law, goodwill: Any, moment: Moment, k: int) -> float:
    """Σ_j synergy_kj × goodwill_j over the other channels."""
    total = 0.0
    if law.channels[moment.epoch, k].has_synergy:
        for j in range(goodwill.size):
            total += law.synergy[moment.epoch, k, j] * max(goodwill[j], 0.0)
    return total


@part
def wear(board: Board, channel: Any, shown: Shown, moment: Moment, creative: int) -> float:
    """Impressions of a creative that still count, this one included: Σ 2^(-age / wear half-life), anew after a refresh."""
    if not channel.wears:
        return 1.0
    worn = shown.creatives[creative]
    before = 0.0
    if worn.last >= board.refreshed[moment.tick, creative]:
        before = worn.count * math.exp(-channel.recovery_per_day * (moment.time - worn.last))
    worn.count = before + 1.0
    worn.last = moment.time
    return before + 1.0


@part
def count_impression(campaign: Any, shown: Shown, moment: Moment, c: int) -> None:
    """Count one more impression (or ghost, or placebo ad) of campaign c, and when it came if there is a frequency cap."""
    if campaign.times > 0:
        shown.times[campaign.first_time + np.int64(shown.campaigns[c]) % campaign.times] = moment.time
    shown.campaigns[c] += np.uint32(1)


@part
def is_capped(campaign: Any, shown: Shown, moment: Moment, c: int) -> bool:
    """Whether the person has met campaign c as often as its cap allows in the `frequency_cap_days` up to now."""
    if campaign.frequency_cap == 0 or shown.campaigns[c] < campaign.frequency_cap:
        return False
    # The impression that came as many impressions ago as the cap allows.
    there = (np.int64(shown.campaigns[c]) - campaign.frequency_cap) % campaign.times
    return moment.time - shown.times[campaign.first_time + there] < campaign.frequency_cap_days  # type: ignore[no-any-return]  # records
