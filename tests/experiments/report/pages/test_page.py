"""The page as text: complete, escaped, self-contained, readable without eyes."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from experiments.report.pages.page import build_page, render_report
from experiments.truth.effects import Truth
from simulator.scenario.schema import Run

LOADING = {"src", "href", "srcset", "data", "poster", "action", "background"}


class Document(HTMLParser):
    """Elements with their attributes, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else None
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside is None:
            self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def html(comparison) -> str:
    return render_report(comparison, Run(users=100_000, days=30.0, seed=11))


@pytest.fixture(scope="module")
def document(html) -> Document:
    return Document(html)


def loads(html: str) -> list[str]:
    """Everything in a page that would make a browser ask for something."""
    found = [
        f"{tag} {name}"
        for tag, attributes in Document(html).elements
        for name, value in attributes.items()
        if name in LOADING and not (value or "").startswith(("#", "data:"))
    ]
    style = " ".join(re.findall(r"<style>(.*?)</style>", html, re.S))
    return found + re.findall(r"@import|url\((?!['\"]?data:)", style)


def test_nothing_is_loaded(html):
    assert loads(html) == []
    assert "default-src 'none'" in html


@pytest.mark.parametrize(
    "piece",
    ['<img src="http://example.org/x.png">', '<script src="x.js"></script>', "<style>@import 'x.css'</style>"],
)
def test_a_load_would_be_noticed(html, piece):
    assert loads(html.replace("</main>", f"{piece}</main>")) != []


def test_it_is_one_file_under_one_and_a_half_megabytes(html):
    assert len(html.encode()) < 1_500_000


def test_the_same_comparison_gives_the_same_page(comparison, html):
    assert render_report(comparison, Run(users=100_000, days=30.0, seed=11)) == html


EVIL = "</title></script><script>alert('&')</script>\u2028<!--"


def test_every_text_is_escaped(comparison):
    """The title, currency, channels and sentences may contain anything; no element may come of it."""
    channels = tuple(replace(c, channel=f"{c.channel}{EVIL}", verdict=EVIL) for c in comparison.channels)
    journeys = tuple(
        replace(j, label="caused", events=tuple(replace(e, channel=f"{e.channel}{EVIL}") for e in j.events))
        for j in comparison.journeys
    )
    plain = Document(render_report(comparison))
    page = Document(render_report(replace(comparison, title=EVIL, currency=EVIL, channels=channels, journeys=journeys)))
    assert [tag for tag, _ in page.elements if tag in ("script", "title", "h1", "figure")] == [
        tag for tag, _ in plain.elements if tag in ("script", "title", "h1", "figure")
    ]
    assert len(page.scripts) == len(plain.scripts)
    assert "alert('&')" in page.text
    specifications = [json.loads(text) for text in page.scripts[:-2]]
    assert any(EVIL.lower() in json.dumps(each, ensure_ascii=False).lower() for each in specifications)


def test_charts_have_a_specification_and_words_for_those_who_do_not_see_them(document):
    charts = [attributes for attributes in document.of("div") if attributes.get("class") == "chart"]
    identities = {attributes["id"] for attributes in document.of("script") if "id" in attributes}
    assert len(charts) == 3 + 2 * 3, "prices, a journey, orders; response and cost of three geo tests"
    assert {chart["data-specification"] for chart in charts} == identities
    assert all(chart["role"] == "img" and len(chart["aria-label"] or "") > 40 for chart in charts)


def test_structure_is_told_to_screen_readers(document):
    assert document.of("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") in ("col", "colgroup", "row") for attributes in document.of("th"))
    identities = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    named = [attributes["aria-labelledby"] for _, attributes in document.elements if "aria-labelledby" in attributes]
    assert set(named) <= set(identities)


def test_it_fits_a_phone(document):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in document.of("meta")


def test_every_row_of_the_table_fills_its_columns(html):
    table = re.findall(r"<table class=.*?>(.*?)</table>", html, re.S)[0]
    head, body = table.split("<tbody>")
    assert {row.count("<td") for row in body.split("</tr>")[:-1]} == {head.count('<th scope="col" class')}


def test_what_it_says(document, comparison):
    for said in (
        "550 (55%)",
        "EUR 20.79",
        "another seed differs",
        "No lift test",
        "100,000 people",
        "30 days",
        "seed 11",
        "No touch",
    ):
        assert said in document.text
    for channel in comparison.channels:
        assert channel.verdict in document.text
    assert re.search(r"\b(nan|inf|None)\b", document.text) is None


def test_lift_tests_say_how_sharp_they_are_and_geo_tests_what_they_found(document, comparison):
    assert "How sharp each test was, and what would halve its interval" in document.text
    assert "4 times the people" in document.text
    found = "The test changed orders in the treated geos by −49 (95% interval −93 to −5, p = 0.031)."
    assert f"{found} Truly it changed them by −40, which lies inside." in document.text
    assert "on the days with ads" in document.text
    assert "It cannot be read: pre_days: 2 must be at least 4." in document.text


def test_without_tests_there_is_nothing_about_them(comparison):
    channels = tuple(replace(c, lift=None) for c in comparison.channels)
    page = build_page(replace(comparison, channels=channels, geo_tests=()))
    assert (page.sharpness, page.geo_tests, page.geo_table) == (None, (), None)
    assert "Geo tests" not in render_report(replace(comparison, geo_tests=()))


def test_without_the_run_it_does_not_guess(comparison):
    assert "from seed" not in Document(render_report(comparison)).text


def test_a_world_without_ads_still_has_a_page(comparison):
    truth = Truth((), {}, comparison.conversions, "held")
    comparison = replace(comparison, geo_tests=())
    page = build_page(replace(comparison, channels=(), journeys=(), truth=truth))
    assert (page.prices, page.orders, page.key_numbers) == (None, None, ())
    html = render_report(replace(comparison, channels=(), journeys=(), truth=truth))
    assert "This scenario buys no ads." in html
    assert 'class="chart"' not in html


def test_a_world_without_orders_still_has_a_page(make_comparison, comparison):
    channels = tuple(
        replace(c, credits=dict.fromkeys(c.credits, 0.0), truth=replace(c.truth, incremental_conversions=0))
        for c in comparison.channels
    )
    nothing = make_comparison(channels, {}, conversions=0, unattributed=0.0, journeys=())
    assert "There was no order in this world" in render_report(nothing)


def test_any_compared_model_is_explained_by_its_docstring(comparison):
    lines = ("All to the last touch of the path.", 'Half to the "oldest" <touch>', "")
    own = replace(comparison, models=("last_click", "time_decay(half_life_days=3)", "unexplained"), model_lines=lines)
    page = render_report(own)
    assert "<em>Time decay (half_life_days=3)</em>: Half to the &#34;oldest&#34; &lt;touch&gt;." in page
    assert "Unexplained" not in page
    assert "All to the last touch of the path" not in page, "last click has words of its own"
