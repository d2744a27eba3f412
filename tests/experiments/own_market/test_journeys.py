"""Journeys: lags and paths as teams export them, beside those of a fitted world."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attribution.paths.paths import Paths
from cpalab.refusal import Refused
from experiments.own_market.channel_table import ChannelRow, MarketTable, SeenLag, SeenPaths
from experiments.own_market.fitted_world import Moments, Size, build_world, first_guess, simulated_moments
from experiments.own_market.journey_moments import journey_figures, journey_steps
from experiments.own_market.journeys import assists, read_lag, read_paths, with_journeys
from simulator.scenario.loading import load_scenario

LABELS = {"search": ("Non-brand search", "generic_search"), "social": ("Meta prospecting", "social")}
TABLE = MarketTable(
    tuple(ChannelRow(name, *words, 2_500.0, 60_000.0, 2_500.0, 110.0, 60.0, 80.0) for name, words in LABELS.items()),
    550.0, 90.0, "USD", 30.0,
)  # fmt: skip


def lag(tmp_path: Path, rows: str, head: str = "Days to conversion,Conversions") -> SeenLag:
    path = tmp_path / "lag.csv"
    path.write_text(f"{head}\n{rows}\n", encoding="utf-8")
    return read_lag(path)


@pytest.mark.parametrize(
    ("rows", "edges"),
    [
        ("<1 day,120\n1-2 days,30\n2-4 days,34\n4-12 days,40\n12+ days,9", [0, 1, 2, 4, 12, math.inf]),
        ("0,120\n1,30\n2,34\n3 or more,9", [0, 1, 2, 3, math.inf]),
        ("0,120\n1-3,30\n4-7,34", [0, 1, 4, 8]),
        ("4-7,34\n0,120\n1-3,30", [0, 1, 4, 8]),
        ("<1,5\n1-2,5\n2-30,5", [0, 1, 2, 30]),
    ],
)
def test_stretches_of_days_are_read_as_tools_write_them(tmp_path: Path, rows: str, edges: list[float]) -> None:
    assert lag(tmp_path, rows).edges.tolist() == edges


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,120\n2,30", "call the day of the click 0"),
        ("0,120\n2,30", "without gap or overlap"),
        ("0,120\n0,30", "without gap or overlap"),
        ("0,0\n1,0", "holds no conversions"),
        ("soon,1\n1,many", "row 1: Days to conversion: 'soon' must be days since the click"),
        ("soon,1\n1,many", "row 2: Conversions: 'many' must be a number"),
    ],
)
def test_a_lag_that_could_mean_two_things_or_none_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        lag(tmp_path, rows)


def test_shares_without_counts_are_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="shares have no sampling error"):
        lag(tmp_path, "1,0.5\n7,0.9", "days,share")


def paths(tmp_path: Path, rows: str) -> Path:
    path = tmp_path / "paths.csv"
    path.write_text(f"path,conversions\n{rows}\n", encoding="utf-8")
    return path


def test_paths_count_the_tables_channels_by_the_names_of_the_table(tmp_path: Path) -> None:
    """Direct and strangers are no touches of it; a channel twice in a path counts once."""
    rows = "Meta prospecting > Non-brand search > direct,20\nnon-brand search > Non-brand search,10"
    rows += "\nMeta prospecting,5\ndirect,99"
    found = read_paths(paths(tmp_path, rows), TABLE)
    assert found.containing.tolist() == [30.0, 25.0]
    assert found.last.tolist() == [30.0, 5.0]


def test_paths_of_other_channels_are_refused_and_a_missing_channel_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="none of the table's channels"):
        read_paths(paths(tmp_path, "direct > email,3"), TABLE)
    found = with_journeys(TABLE, None, paths(tmp_path, "Meta prospecting,5"))
    assert "Non-brand search stands in no path" in found.notes[-1]


def test_problems_of_both_files_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "lag.csv").write_text("days,conversions\n1,5\n", encoding="utf-8")
    with pytest.raises(Refused) as error:
        with_journeys(TABLE, tmp_path / "lag.csv", paths(tmp_path, "direct,3"))
    assert len(error.value.problems) == 2


def test_paths_without_touches_of_these_channels_count_nothing() -> None:
    empty = Paths((), np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0))
    assert assists(empty, ["a"]).containing.tolist() == [0.0]


SEEN = replace(
    TABLE,
    lag=SeenLag(np.array([0.0, 1.0, 7.0, 30.0, math.inf]), np.array([100.0, 50.0, 50.0, 40.0])),
    paths=SeenPaths(np.array([90.0, 100.0]), np.array([80.0, 50.0])),
)


def shown(lags: list[float], containing: list[float], last: list[float]) -> Moments:
    return Moments(np.zeros((2, 6)), 100.0, np.ones(2), np.array(lags), SeenPaths(np.array(containing), np.array(last)))


def test_a_world_that_shows_the_same_needs_no_step_and_lies_at_no_distance() -> None:
    """Twice the conversions in the same shares; the open stretch lies beyond the windows and is not compared."""
    same = shown([200.0, 100.0, 100.0, 0.0], [180.0, 200.0], [160.0, 100.0])
    figures = journey_figures(SEEN, same)
    assert [f.figure for f in figures[:3]] == [f"{a} to {b} days after the click" for a, b in ((0, 1), (1, 7), (7, 30))]
    assert [f.apart for f in figures] == pytest.approx([0.0] * 5)
    patience, moods = journey_steps(SEEN, same)
    assert patience == pytest.approx(0.0)
    assert abs(moods).max() < 0.01


def test_later_orders_ask_for_patience_and_more_assists_for_other_moods_of_channels_shown_to_all() -> None:
    patience, moods = journey_steps(SEEN, shown([190.0, 5.0, 5.0, 0.0], [80.0, 55.0], [80.0, 50.0]))
    assert patience > 0.2
    assert moods[0] == 0.0  # search stands before people who are looking already
    assert moods[1] > 0.1


def test_without_files_nothing_is_compared_and_nothing_moves() -> None:
    bare = Moments(np.zeros((2, 6)), 100.0, np.ones(2))
    assert journey_figures(TABLE, bare) == ()
    patience, moods = journey_steps(TABLE, bare)
    assert (patience, moods.tolist()) == (0.0, [0.0, 0.0])


def test_patience_makes_orders_later_in_a_world() -> None:
    """Mean lag of some hundred claims with needs that last four times as long: longer by more than a fifth."""
    size = Size(6_000, 6_000, 1.5, 30.0)
    guess = first_guess(TABLE, size, {"search": 60.0, "social": 60.0})
    guess[12] += 1.0
    middle = np.array([0.5, 4.0, 18.5, 0.0])
    mean = []
    for patience in (-0.7, 0.7):
        guess[13] = patience
        found = simulated_moments(load_scenario(build_world(TABLE, size, guess, seed=3)), list(LABELS), table=SEEN)
        assert found.lags is not None
        assert found.paths is not None
        assert (found.paths.containing >= found.paths.last).all()
        mean.append(float(found.lags @ middle / found.lags[:3].sum()))
    assert mean[1] > 1.2 * mean[0]
