"""Charts of the main job as files: each explains itself, and grey print tells its parts apart."""

from dataclasses import replace
from itertools import pairwise

import pytest

from experiments.report.pages.run_figures import PRINT, run_figures, write_run_figures


def luminance(colour: str) -> float:
    """Of a colour in grey print, from 0 (black) to 1."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def test_every_chart_has_its_title_and_legend_inside(comparison) -> None:
    charts = run_figures(comparison)
    drawn = [f"geo_{test.name}" for test in comparison.geo_tests if not test.days.empty]
    assert {"prices", "orders", *drawn, *(f"{name}_cost" for name in drawn)} <= set(charts)
    for name, chart in charts.items():
        title = chart.to_dict()["title"]
        assert title["text"], name
        assert title["subtitle"] or name.endswith("_cost"), name
    legend = " ".join(charts["prices"].to_dict()["title"]["subtitle"])
    for words in ("disc: attributed by Last click", "diamond: truly incremental", "square: Linear", "triangle: Markov"):
        assert words in legend


def test_files_of_every_kind_are_written(comparison, tmp_path) -> None:
    write_run_figures(replace(comparison, journeys=(), geo_tests=()), tmp_path, ("svg", "png", "pdf"))
    names = {path.name for path in tmp_path.iterdir()}
    assert {"prices.svg", "prices.png", "prices.pdf"} <= names
    assert "diamond" in (tmp_path / "prices.svg").read_text(encoding="utf-8")


def test_grey_print_tells_the_parts_of_a_bar_apart() -> None:
    shades = [luminance(getattr(PRINT, part)) for part in ("always", "moved", "true")]
    assert shades == sorted(shades, reverse=True)
    assert min(one - other for one, other in pairwise(shades)) > 0.15


def test_a_market_without_ads_has_no_prices_to_draw(make_comparison) -> None:
    assert not {"prices", "orders"} & set(run_figures(make_comparison((), {"direct": 20.0})))


@pytest.mark.parametrize("charts", ["done", "done/charts", "."])
def test_charts_lie_beside_the_result(charts, tmp_path, monkeypatch) -> None:
    from pathlib import Path

    from cpalab.refusal import Refused
    from experiments.cli.market.run import _check_charts

    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused, match="must lie beside the folder of --out"):
        _check_charts(Path(charts), Path("done"))
    _check_charts(Path("done-charts"), Path("done"))
