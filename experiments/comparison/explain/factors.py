"""Factors: CPA = CPC ÷ CVR taken apart into price, click rate, conversion rate and mix of segments (currency per action)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attribution.models.shapley.coalitions import all_coalitions, exact_shapley

Floats = npt.NDArray[np.float64]
FACTORS = ("price", "click rate", "conversion rate", "mix of segments")


@dataclass(frozen=True)
class Cells:
    """What was bought and counted in each segment of each channel: float64 (channels, segments); cost in currency.

    `by_impression` (channels,) says which channels pay for impressions; the others pay for clicks or actions.
    """

    impressions: Floats
    clicks: Floats
    cost: Floats
    actions: Floats
    by_impression: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """What each factor did to a CPA.

    Attributes:
        cpc_before, cpc_after: cost per click, in currency; cvr_before, cvr_after: actions per click.
        parts: per name in FACTORS; they add to the shift of CPA. Empty where it cannot be taken apart.
        hidden: CPA fell in every segment, or rose in every one, and went the other way as a whole: `fell` or `rose`.
    """

    cpc_before: float
    cpc_after: float
    cvr_before: float
    cvr_after: float
    parts: dict[str, float]
    hidden: str = ""


def split_cpa(before: Cells, after: Cells) -> Split:
    """CPA = Σ w·c·q / Σ w·c·r, and each factor's Shapley value in its shift.

    Segment by segment: w its share of impressions, c clicks per impression, q cost per click, r actions per click. Where
    impressions are paid for, q = p / c with p the cost per impression, so that more clicks make each cheaper. Segments
    without impressions or clicks are counted together with the others of their channel, and without any clicks c·r is one
    rate, actions per impression.

    Args:
        before, after: the same channels and segments in both states.
    """
    sums = [[float(own.sum()) for own in (state.cost, state.clicks, state.actions)] for state in (before, after)]
    (cost_0, clicks_0, actions_0), (cost_1, clicks_1, actions_1) = sums
    ratios = (
        _ratio(cost_0, clicks_0), _ratio(cost_1, clicks_1), _ratio(actions_0, clicks_0), _ratio(actions_1, clicks_1)
    )  # fmt: skip
    pairs = _pooled(before, after)
    if pairs is None or min(cost_0, cost_1, actions_0, actions_1) <= 0:
        return Split(*ratios, {})
    rates = [_rates(pairs[:, state], pairs[:, 1 - state], before.by_impression) for state in (0, 1)]
    worth = np.array([_cpa(rates, [int(on) for on in row]) for row in all_coalitions(len(FACTORS))])
    values = exact_shapley(worth)
    return Split(*ratios, dict(zip(FACTORS, values.tolist(), strict=True)), _hidden(pairs, sums))


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else float("nan")


# Columns of a cell: impressions, clicks, cost, actions, and the row of its channel.
_IMPRESSIONS, _CLICKS, _COST, _ACTIONS, _CHANNEL = range(5)


def _pooled(before: Cells, after: Cells) -> Floats | None:
    """Cells that have rates in both states, float64 (cells, 2, 5); None where even whole channels have none."""
    found = []
    for k in range(before.impressions.shape[0]):
        own = np.stack(
            [
                np.stack([s.impressions[k], s.clicks[k], s.cost[k], s.actions[k], np.full(s.cost.shape[1], k)], axis=1)
                for s in (before, after)
            ],
            axis=1,
        )
        good = np.array([_has_rates(cell) for cell in own], np.bool_)
        rest = own[~good]
        if rest.size and not _has_rates(_together(rest)):  # the others alone say nothing: the whole channel is one cell
            good, rest = np.zeros(len(own), np.bool_), own
        found += list(own[good])
        if rest.size:
            pooled = _together(rest)
            if not pooled[:, :_CHANNEL].any():
                continue
            whole = pooled if _has_rates(pooled) else _without_clicks(pooled)
            if whole is None:
                return None
            found.append(whole)
    return np.array(found) if found else None


def _together(cells: Floats) -> Floats:
    whole: Floats = cells.sum(axis=0)
    whole[:, _CHANNEL] = cells[0, 0, _CHANNEL]
    return whole


def _has_rates(cell: Floats) -> bool:
    """Whether a cell has impressions and clicks in both states, or in one and nothing at all in the other."""
    full = (cell[:, _IMPRESSIONS] > 0) & (cell[:, _CLICKS] > 0)
    empty = ~cell[:, :_CHANNEL].any(axis=1)
    return bool((full | empty).all() and full.any())


def _without_clicks(cell: Floats) -> Floats | None:
    """A cell whose impressions stand for clicks; None where it has not even those."""
    alike = cell.copy()
    alike[:, _CLICKS] = alike[:, _IMPRESSIONS]
    return alike if _has_rates(alike) else None


def _rates(here: Floats, there: Floats, by_impression: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    """Mix, click rate, price and conversion rate of each cell; of one that is empty here, those of the other state."""
    cells = np.where((here[:, _IMPRESSIONS] > 0)[:, None], here, there)
    impressions, clicks = cells[:, _IMPRESSIONS], cells[:, _CLICKS]
    paid = by_impression[cells[:, _CHANNEL].astype(np.int64)]
    return {
        "mix of segments": here[:, _IMPRESSIONS] / here[:, _IMPRESSIONS].sum(),
        "click rate": clicks / impressions,
        "price": cells[:, _COST] / np.where(paid, impressions, clicks),
        "conversion rate": cells[:, _ACTIONS] / clicks,
        "paid": paid.astype(np.float64),
    }


def _cpa(rates: list[dict[str, Floats]], on: list[int]) -> float:
    """CPA with each factor as before (0) or as after (1)."""
    now = {factor: rates[state][factor] for factor, state in zip(FACTORS, on, strict=True)}
    clicks = now["mix of segments"] * now["click rate"]
    units = np.where(rates[0]["paid"] > 0, now["mix of segments"], clicks)
    actions = float(clicks @ now["conversion rate"])
    return float(units @ now["price"]) / actions if actions > 0 else float("nan")


def _hidden(pairs: Floats, sums: list[list[float]]) -> str:
    """Which way every segment's CPA went, if it is not the way of the whole."""
    cost, actions = pairs[:, :, _COST], pairs[:, :, _ACTIONS]
    if len(pairs) < 2 or not (cost > 0).all() or not (actions > 0).all():
        return ""
    own = cost / actions
    moved = sums[1][0] / sums[1][2] - sums[0][0] / sums[0][2]
    if (own[:, 1] < own[:, 0]).all() and moved > 0:
        return "fell"
    return "rose" if (own[:, 1] > own[:, 0]).all() and moved < 0 else ""
