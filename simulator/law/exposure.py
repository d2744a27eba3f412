"""Step 4, exposure: what seeing the ad does to the person."""

from typing import Any

from simulator.compiled import part
from simulator.law.moment import Moment
from simulator.law.state import Attitude, Offer


@part
def exposure(
    law: Any, board: Any, goodwill: Any, shown: Any, attitude: Attitude, moment: Moment, offer: Offer
) -> Attitude:
    """Goodwill rises by strength × creative × freshness × (1 + synergy) / (1 + goodwill / saturation).

    Diminishing returns come from the denominator, synergy from the goodwill of other channels. Beyond
    `overexposure_impressions` of one campaign every further impression annoys instead.
    """
    campaign = law.campaigns[moment.epoch, offer.campaign]
    k = campaign.channel
    channel = law.channels[moment.epoch, k]
    count_impression(campaign, shown, moment, offer.campaign)
    if shown[offer.campaign].total > channel.overexposure_impressions:
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
def synergy(law: Any, goodwill: Any, moment: Moment, k: int) -> float:
    """Σ_j synergy_kj × goodwill_j over the other channels."""
    total = 0.0
    if law.channels[moment.epoch, k].has_synergy:
        for j in range(goodwill.size):
            total += law.synergy[moment.epoch, k, j] * max(goodwill[j], 0.0)
    return total


@part
def count_impression(campaign: Any, shown: Any, moment: Moment, c: int) -> None:
    """Count one more impression (or ghost) of campaign c, in the current window of its frequency cap and in all."""
    window = int(moment.time / campaign.frequency_cap_days)
    if shown[c].window != window:
        shown[c].window = window
        shown[c].in_window = 0
    shown[c].in_window += 1
    shown[c].total = min(int(shown[c].total) + 1, 65535)
