"""The page in a real browser with the network off: drawn, silent, alone, in the colours and the width of the reader."""

import json
import re
import tomllib
from dataclasses import dataclass, replace
from html import unescape

import pytest

from experiments.comparison.comparison import compare
from experiments.report.pages.page import render_report
from experiments.report.palette import DARK, LIGHT
from simulator.scenario.loading import load_scenario, presets
from simulator.world import simulate

pytestmark = pytest.mark.browser

# Runs before anything else in the page, and writes what it saw into an attribute that --dump-dom shows.
WITNESS = """<script>
const seen = { errors: [] };
const note = (what) => seen.errors.push(String(what));
addEventListener("error", (event) => note(event.message || "could not load " + event.target.src), true);
addEventListener("unhandledrejection", (event) => note(event.reason));
addEventListener("securitypolicyviolation", (event) => note("refused " + event.blockedURI));
for (const level of ["error", "warn"]) console[level] = (...words) => note(words.join(" "));
setInterval(() => {
  const root = document.documentElement;
  seen.resources = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.done = root.dataset.charts === "done";
  seen.width = innerWidth;
  seen.content = root.scrollWidth;
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  seen.cut = [...document.querySelectorAll(".scroll")]
    .filter((table) => table.scrollWidth > table.clientWidth)
    .map((table) => `${table.textContent.trim().slice(0, 40)} ${table.scrollWidth} > ${table.clientWidth}`);
  seen.background = getComputedStyle(document.body).backgroundColor;
  const marks = [...document.querySelectorAll(".chart .mark-symbol path")];
  seen.fills = [...new Set(marks.map((mark) => getComputedStyle(mark).fill))];
  seen.charts = [...document.querySelectorAll(".chart")].map((chart) => ({
    symbols: chart.querySelectorAll(".mark-symbol path").length,
    lines: chart.querySelectorAll(".mark-line path").length,
    texts: [...chart.querySelectorAll("svg text")].map((text) => text.textContent),
    width: chart.querySelector("svg")?.getBoundingClientRect().width,
    words: chart.textContent,
  }));
  parent.postMessage(JSON.stringify(seen), "*");
}, 50);
</script>"""

# Holds the page in a window of its own width (headless Chromium's own has at least 500 px) and shows what was witnessed.
WINDOW = """<!doctype html><title>window</title>
<script>addEventListener("message", (event) => { document.documentElement.dataset.seen = event.data; });</script>
<iframe src="report.html" style="width: WIDTHpx; height: 800px; border: 0"></iframe>"""


@dataclass(frozen=True)
class Visit:
    """What the browser saw of a page."""

    seen: dict
    log: str


@pytest.fixture(scope="module")
def html(comparison) -> str:
    return render_report(comparison)


@pytest.fixture
def visit(tmp_path, browser):
    def open_page(html: str, *flags: str, width: int = 1200) -> Visit:
        (tmp_path / "report.html").write_text(html.replace("<head>", f"<head>{WITNESS}", 1), encoding="utf-8")
        window = tmp_path / "window.html"
        window.write_text(WINDOW.replace("WIDTH", str(width)), encoding="utf-8")
        dom, log = browser(window, *flags)
        found = re.search(r'data-seen="([^"]*)"', dom)
        assert found is not None, log
        return Visit(json.loads(unescape(found[1])), log)

    return open_page


def assert_silent(page: Visit) -> None:
    """Nothing went wrong and nothing was asked for."""
    assert page.seen["done"]
    assert page.seen["errors"] == []
    assert page.seen["resources"] == []
    assert "CONSOLE" not in page.log


def test_charts_are_drawn_without_an_error_or_a_request(visit, html):
    page = visit(html)
    assert_silent(page)
    prices, *geo, journey, orders = page.seen["charts"]
    assert len(geo) == 6
    assert all("per day" in " ".join(chart["texts"]) for chart in geo)
    assert [chart["lines"] for chart in geo] == [
        2,
        0,
        1,
        0,
        1,
        0,
    ]  # observed and expected; observed alone; cost is in bars
    # ClaimedByPerson: 4 channels; true: 5; two other models: 8; arrows: 2 open ends, and what the axis cuts.
    assert prices["symbols"] >= 4 + 5 + 8 + 2
    assert {"Brand search", "over-credited: caused nothing", "5.00", "∞", "under-credited 5.0×"} <= set(prices["texts"])
    assert journey["symbols"] == 5
    assert {"Video", "Direct", "EUR 120, caused"} <= set(journey["texts"])
    assert {"All ads together", "400 caused (40.0%)", "55%", "40%"} <= set(orders["texts"])
    assert all(900 < chart["width"] < 1200 for chart in (prices, *geo, orders))
    assert page.seen["cut"] == []  # every table fits


def test_a_phone_has_no_sideways_scrolling(visit, html):
    page = visit(html, width=360)
    assert_silent(page)
    assert page.seen["width"] == 360
    assert page.seen["content"] <= 360
    assert page.seen["cut"] == []  # the truth is on the screen
    assert all(250 < chart["width"] <= 360 for chart in page.seen["charts"])


@pytest.mark.parametrize(("scheme", "palette"), [(1, LIGHT), (0, DARK)], ids=["light", "dark"])
def test_page_and_charts_wear_the_colours_the_reader_prefers(visit, html, scheme, palette):
    page = visit(html, f"--blink-settings=preferredColorScheme={scheme}")
    assert page.seen["background"] == rgb(palette.paper)
    assert {rgb(palette.claimed), rgb(palette.true), rgb(palette.tested)} <= set(page.seen["fills"])


def test_the_report_of_a_simulated_world(visit):
    world = simulate(load_scenario("dtc-apparel", {"run.users": 10_000}))
    report = render_report(compare(world), world.scenario.run)
    for width in (1200, 380):
        assert visit(report, width=width).seen["cut"] == []
    page = visit(report)
    assert_silent(page)
    assert all(chart["symbols"] > 0 for chart in page.seen["charts"][:-1])


def test_geo_tests_of_a_simulated_world_are_drawn_and_fit_a_phone(visit):
    tables = tomllib.loads(presets()["dtc-geos"].read_text(encoding="utf-8"))
    tables["run"] |= {"users": 4_000, "days": 28.0}
    test = {"channel": "video", "kind": "go_dark", "assignment": "matched_pairs", "start_day": 14, "end_day": 21}
    tables["geo_tests"] = {"video_dark": test | {"cooldown_days": 7}}
    world = simulate(load_scenario(tables))
    report = render_report(compare(world), world.scenario.run)
    for width in (1280, 390):
        page = visit(report, width=width)
        assert_silent(page)
        assert page.seen["cut"] == []
        assert page.seen["content"] <= width
        _, response, cost, *_ = page.seen["charts"]
        assert (response["lines"], cost["lines"]) == (2, 0)
        assert response["width"] == cost["width"]


def test_an_error_or_a_request_would_be_seen(visit, html):
    """The control of the tests above: a page that does all that is forbidden."""
    broken = html.replace('"mark":{"type":"rule"', '"mark":{"type":"nonsense"', 1)
    asking = broken.replace("</main>", '<img src="http://example.org/x.png"></main>')
    page = visit(asking)
    assert any("example.org" in error for error in page.seen["errors"])
    assert any("TypeError" in error for error in page.seen["errors"])
    assert "could not be drawn" in page.seen["charts"][0]["words"]
    assert page.seen["resources"] == ["http://example.org/x.png"]


HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{7*7}}\u202e"


def test_names_from_data_are_text_and_no_script_but_the_page_s_own_runs(visit, comparison):
    hostile = render_report(replace(comparison, title=HOSTILE, currency="<b>"))
    page = visit(hostile)
    assert_silent(page)
    assert "{{7*7}}" in hostile
    added = hostile.replace(
        "</main>", "<script>document.documentElement.dataset.owned = 1; throw Error('owned')</script></main>"
    )
    assert any("refused inline" in error for error in visit(added).seen["errors"])


def rgb(color: str) -> str:
    """#rrggbb as the browser writes it."""
    return f"rgb({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))})"
