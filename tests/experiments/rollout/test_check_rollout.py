"""The gate: what lies outside of a band, what cannot be told, and how often a clean rollout is stopped."""

import math

import numpy as np
import pytest

from experiments.rollout.check_rollout import AS_EXPECTED, CANNOT_TELL, OUTSIDE, check_rollout
from experiments.rollout.contract import Contract, ContractRow
from experiments.rollout.seen_periods import SeenRow

CHANNELS = {"search": 400.0, "social": 150.0, "video": 60.0}
SYSTEMS = {"platform": 2.0, "analytics": 1.25, "crm": 1.0}


def row(channel: str, system: str, expected: float, actions: float, **changes: float) -> ContractRow:
    noise = {"unknown": 0.0, "per_action_before": 1.0, "per_action_after": 1.0, "spending": 0.0} | changes
    counts = {"actions_before": actions, "actions_after": actions / expected}
    return ContractRow(channel, system, "cpa", expected, math.nan, math.nan, **noise, **counts)


def contract(**changes: float) -> Contract:
    rows = tuple(row(c, s, expected, n, **changes) for c, n in CHANNELS.items() for s, expected in SYSTEMS.items())
    return Contract("a banner", 0.95, 14.0, 100_000, "", "", "0", rows)


def seen(channel: str, system: str, before: float, after: float, *, cost: float = 1.0) -> SeenRow:
    ratio = cost * before / after if after else math.nan
    emptied = before > 0 and after == 0
    return SeenRow(channel, system, "cpa", ratio, before, after, 1_000.0, 1_000.0 * cost, emptied)


def test_what_the_change_must_bring_is_as_expected() -> None:
    found = check_rollout(contract(), [seen("search", "platform", 400, 205), seen("search", "crm", 400, 390)])
    assert found.status == AS_EXPECTED
    assert [r.verdict for r in found.rows] == ["within", "within"]
    assert found.verdict().startswith("As expected: all 2 figures")


def test_a_figure_outside_of_its_band_is_named_with_both_numbers_and_comes_first() -> None:
    figures = [seen("search", "crm", 400, 390), seen("search", "platform", 400, 400), seen("video", "platform", 60, 5)]
    found = check_rollout(contract(), figures[:2])
    assert found.status == OUTSIDE
    assert str(found.rows[0]).startswith("search · platform: seen × 1.00, expected × 2.00, band 1.")
    assert str(found.rows[0]).endswith(": outside")
    assert check_rollout(contract(), figures).rows[-1].verdict == "too few actions"


@pytest.mark.parametrize("factor", [1 / 1.6, 1.6])
def test_both_sides_of_a_band_are_guarded(factor: float) -> None:
    found = check_rollout(contract(), [seen("search", "crm", 400, 400 * factor)])
    assert found.status == OUTSIDE


def test_too_few_actions_are_no_verdict() -> None:
    found = check_rollout(contract(), [seen("video", "platform", 60, 24), seen("video", "crm", 24, 60)])
    assert found.status == CANNOT_TELL
    assert found.verdict().startswith("Cannot tell")
    assert check_rollout(contract(), [seen("video", "crm", 25, 25)]).status == AS_EXPECTED


def test_a_channel_that_is_counted_no_more_is_outside_however_few_it_had() -> None:
    assert check_rollout(contract(), [seen("video", "crm", 12, 0)]).status == OUTSIDE
    assert check_rollout(contract(), [seen("video", "crm", 9, 0)]).status == CANNOT_TELL
    hardly_begun = seen("video", "crm", 60, 0, cost=0.1)  # a tenth of the cost, so six actions were due
    assert check_rollout(contract(), [hardly_begun]).status == CANNOT_TELL


def test_a_figure_the_contract_does_not_know_is_said_and_stops_nothing() -> None:
    found = check_rollout(contract(), [seen("radio", "crm", 100, 10), seen("search", "crm", 400, 400)])
    assert found.status == AS_EXPECTED
    assert "Not in the contract: radio · crm." in found.summary()


def test_prices_without_counts_take_the_contracts_own() -> None:
    figure = SeenRow("search", "platform", "cpa", 2.0)
    found = check_rollout(contract(), [figure])
    z = 1.959964 * math.sqrt(1 / 400 + 1 / 200)
    assert found.rows[0].upper == pytest.approx(2 * math.exp(z), rel=1e-6)
    assert found.rows[0].lower == pytest.approx(2 / math.exp(z), rel=1e-6)


def test_what_is_unknown_about_the_multiplier_widens_the_band() -> None:
    narrow, wide = (check_rollout(contract(unknown=v), [seen("search", "crm", 400, 400)]).rows[0] for v in (0.0, 0.04))
    assert wide.upper > narrow.upper
    assert wide.lower < narrow.lower


def rollouts(rng: np.random.Generator, days: int, loss: float = 0.0) -> list[list[SeenRow]]:
    """One rollout, as it looks at the end of each day: Poisson counts, constant cost."""
    readings: list[list[SeenRow]] = [[] for _ in range(days)]
    for band in contract().rows:
        before = rng.poisson(band.actions_before)
        after = np.cumsum(rng.poisson(band.actions_after * (1 - loss) / days, days))
        for day, count in enumerate(after):
            readings[day].append(seen(band.channel, band.system, before, float(count), cost=(day + 1) / days))
    return readings


def test_a_clean_rollout_is_stopped_as_rarely_as_promised_when_read_once() -> None:
    """400 rollouts at 5 %: by 3.3 standard errors at most 8.6 %; more would fail by chance once in 2,000."""
    rng = np.random.default_rng(1)
    stopped = sum(check_rollout(contract(), rollouts(rng, 1)[-1]).status == OUTSIDE for _ in range(400))
    assert stopped / 400 <= 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 400)


def test_a_clean_rollout_read_every_day_is_stopped_as_rarely() -> None:
    """200 rollouts of 14 days, stopped at any reading; the ordinary band, read so often, is not good for that."""
    rng = np.random.default_rng(2)
    clean = [rollouts(rng, 14) for _ in range(200)]

    def stopped(*, daily: bool) -> float:
        return float(np.mean([
            any(check_rollout(contract(), reading, daily=daily).status == OUTSIDE for reading in readings)
            for readings in clean
        ]))  # fmt: skip

    assert stopped(daily=True) <= 0.05
    assert stopped(daily=False) > stopped(daily=True)


def test_a_loss_of_half_is_seen_before_the_period_is_over() -> None:
    rng = np.random.default_rng(3)
    days = []
    for _ in range(20):
        readings = rollouts(rng, 14, loss=0.5)
        seen_on = [check_rollout(contract(), reading, daily=True).status == OUTSIDE for reading in readings]
        days.append(seen_on.index(True) + 1)
    assert max(days) <= 7


def test_the_table_has_a_row_per_figure_and_the_display_is_short() -> None:
    found = check_rollout(contract(), [seen("search", "crm", 400, 390), seen("search", "platform", 400, 400)])
    assert found.to_frame()["verdict"].tolist() == ["outside", "within"]
    assert len(repr(found)) < 200
