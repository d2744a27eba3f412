"""Sweeps: designs, the tidy table, finished worlds that are not computed twice, and what is refused before any work."""

from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pandas as pd
import pytest

from cpalab.refusal import Refused
from experiments.bench import sweep as module
from experiments.bench.quantities import QUANTITIES
from experiments.bench.sweep import Sweep, sweep
from experiments.bench.sweep_design import Span, parse_variations, points_of
from simulator.scenario.loading import load_scenario
from simulator.storage import verified

VARY = {"channels.social.goodwill_per_impression": [0.1, 0.4, 1.6], "order.value.mean": [20.0, 40.0]}
BUSY = {
    "run.users": 2_000,
    "run.days": 6,
    "population.need_per_day.mean": 0.02,
    "funnel.1.rate": 0.6,
    "funnel.2.rate": 0.6,
}
SMALL = {"overrides": BUSY, "seeds": [1, 2]}
METRICS = tuple(QUANTITIES)


@pytest.fixture(scope="module")
def found() -> Sweep:
    return sweep("dropshipping", VARY, metrics=METRICS, **SMALL)


def test_the_table_is_tidy(found: Sweep) -> None:
    rows = found.rows
    assert list(rows.columns) == ["point", "sample", *VARY, "seed", "metric", "channel", "model", "value"]
    assert not rows.duplicated(["point", "seed", "metric", "channel", "model"]).any()
    assert rows["point"].nunique() == 6
    assert set(rows["metric"]) == set(METRICS)
    assert set(rows.loc[rows["metric"] == "lift_covers", "value"].dropna()) <= {0.0, 1.0}
    assert set(rows[["point", *VARY]].drop_duplicates()["order.value.mean"]) == {20.0, 40.0}


def test_quantities_agree_with_each_other(found: Sweep) -> None:
    wide = found.rows.pivot_table(index=["point", "seed"], columns="metric", values="value", aggfunc="first")
    own = found.rows[found.rows["channel"] == "all"].pivot_table(
        index=["point", "seed"], columns="metric", values="value"
    )
    assert len(wide) == 12
    assert (own["attributed_cpa"] * own["credited"]).dropna().to_numpy() == pytest.approx(
        own.loc[(own["attributed_cpa"] * own["credited"]).dropna().index, "cost"].to_numpy()
    )
    assert (own["share_incremental"] * own["conversions"]).dropna().to_numpy() == pytest.approx(
        own.loc[own["share_incremental"].dropna().index, "caused"].to_numpy()
    )


def test_what_has_no_effect_on_the_gap_moves_it_least(found: Sweep) -> None:
    sensitivity = found.sensitivity("caused").to_frame()
    assert (
        sensitivity["parameter"][0] == "channels.social.goodwill_per_impression"
    )  # what an order is worth causes none
    assert sensitivity["index"][1] == pytest.approx(0.0, abs=1e-9)
    assert "6 points × 2 seeds = 12 worlds" in found.summary()
    with pytest.raises(Refused, match="was not computed"):
        found.sensitivity("rank", channel="radio")


def test_a_sobol_design_runs_and_its_chart_draws(tmp_path) -> None:
    from experiments.report.figure_files import write_figure

    vary = {"channels.social.goodwill_per_impression": Span(0.5, 8.0), "order.value.mean": Span(20.0, 40.0)}
    ran = sweep("dropshipping", vary, design="sobol", samples=2, metrics=["caused"], **SMALL)
    assert ran.rows["point"].nunique() == 2 * (2 + 2)
    (path,) = write_figure(ran.sensitivity("caused").chart(), tmp_path, "figure")
    assert path.read_text().startswith("<svg")


def test_finished_worlds_are_not_computed_twice(found: Sweep, tmp_path, monkeypatch) -> None:
    real, calls = module.measured, []

    def dies_at_the_fourth(*given):
        calls.append(given)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(module, "measured", dies_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        sweep("dropshipping", VARY, metrics=METRICS, keep=tmp_path, **SMALL)
    assert len(list(tmp_path.iterdir())) == 3
    again = sweep("dropshipping", VARY, metrics=METRICS, keep=tmp_path, **SMALL)
    assert len(calls) == 4 + 9
    pd.testing.assert_frame_equal(again.rows, found.rows)
    assert len(list(tmp_path.iterdir())) == 12
    again.rows.to_parquet(tmp_path / "resumed.parquet", index=False)
    found.rows.to_parquet(tmp_path / "at_once.parquet", index=False)
    assert (tmp_path / "resumed.parquet").read_bytes() == (tmp_path / "at_once.parquet").read_bytes()
    sweep("dropshipping", VARY, metrics=METRICS, keep=tmp_path, **(SMALL | {"seeds": [1]}))
    assert len(calls) == 13  # all were known
    other = SMALL | {"overrides": BUSY | {"run.users": 2_001}}
    sweep("dropshipping", {"order.value.mean": [20.0, 40.0]}, metrics=["cost"], keep=tmp_path, **other)
    assert len(calls) == 17  # another scenario is another world


def test_threads_give_the_same_rows(found: Sweep) -> None:
    with ThreadPoolExecutor(2) as pool:
        threaded = sweep("dropshipping", VARY, metrics=METRICS, map_=pool.map, **SMALL)
    pd.testing.assert_frame_equal(threaded.rows, found.rows)


def test_words_for_what_varies() -> None:
    found = parse_variations(["a.b=1,2.5", "c=0.5..2:4", "d='x, y',z", "e=0..1"])
    assert found == {"a.b": (1, 2.5), "c": Span(0.5, 2, 4), "d": ("x, y", "z"), "e": Span(0, 1, 5)}
    with pytest.raises(Refused) as refused:
        parse_variations(["a", "b=2..1:3", "c=0..1:1", "d=1", "d=2"])
    assert len(refused.value.problems) == 4


def test_whole_numbers_stay_whole() -> None:
    points = points_of(load_scenario("dropshipping"), {"run.users": Span(1_000, 2_000, 4), "run.days": Span(5, 6, 2)})
    assert {dict(point.values)["run.users"] for point in points} == {1_000, 1_333, 1_667, 2_000}
    assert all(isinstance(dict(point.values)["run.users"], int) for point in points)


def test_everything_wrong_is_refused_before_any_world_runs(monkeypatch) -> None:
    monkeypatch.setattr(module, "simulate", lambda scenario: pytest.fail("a world ran"))
    with pytest.raises(Refused, match="did you mean gap"):
        sweep("dropshipping", VARY, metrics=["gapp"], **SMALL)
    with pytest.raises(Refused, match="nothing varies"):
        sweep("dropshipping", {}, **SMALL)
    with pytest.raises(Refused) as refused:
        sweep("dropshipping", {"order.valu.mean": [1, 2], "run.days": [3, -4]}, **SMALL)
    assert {problem.place for problem in refused.value.problems} >= {"order.valu", "run.days"}
    with pytest.raises(Refused, match="is set by seeds"):
        sweep("dropshipping", {"run.seed": [1, 2]}, **SMALL)
    with pytest.raises(Refused, match="power of two"):
        sweep("dropshipping", VARY, design="sobol", samples=60, **SMALL)
    with pytest.raises(Refused, match="each once"):
        sweep("dropshipping", {"run.days": [3, 3]}, **SMALL)


def test_the_command_resumes_where_it_was_killed(tmp_path) -> None:
    from click.testing import CliRunner

    from experiments.cli.bench.sweep import command

    words = ["dropshipping", "--users", "500", "--seeds", "1", "--metric", "cost", "--vary", "run.days=2,3"]
    out = tmp_path / "done"
    answer = CliRunner().invoke(command, [*words, "--out", str(out)], catch_exceptions=False)
    assert "2 points × 1 seeds = 2 worlds" in answer.output
    assert {path.name for path in tmp_path.iterdir()} == {"done"}
    with pytest.raises(Refused, match="is known by its file to this process alone"):
        CliRunner().invoke(command, [*words, "--jobs", "2", "--model", "mine.py:Mine"], catch_exceptions=False)
    names = {"sweep.html", "sweep.parquet", "sensitivity.csv", "sensitivity.svg", "manifest.json"}
    assert {path.name for path in out.iterdir()} == names
    CliRunner().invoke(command, [*words, "--out", str(out), "--force"], catch_exceptions=False)
    verified(out)


def test_the_page_says_which_parameter_moves_the_gap_most(found: Sweep) -> None:
    page = found.to_page()
    assert found.sensitivity().summary() in unescape(page)
    assert "Every point" in page
    assert "<script" not in page
