"""Lessons in small markets: each is read once for all tests, and opened in a browser that witnesses what happens."""

import json
import re
from functools import cache
from html import unescape

import pytest

from experiments.report.lessons.lesson import load_lesson
from experiments.report.lessons.lesson_world import lesson_scenario, lesson_worlds
from experiments.report.lessons.page import typeset_lesson
from experiments.report.lessons.reading import Reading

PEOPLE = 12_000

# Runs before anything else in the page; when it stands, computes the numbers of SETTINGS and tells what it saw.
WITNESS = """<script>
const seen = { errors: [] };
const note = (what) => seen.errors.push(String(what));
addEventListener("error", (event) => note(event.message || "could not load " + event.target.src), true);
addEventListener("unhandledrejection", (event) => note(event.reason));
addEventListener("securitypolicyviolation", (event) => note("refused " + event.blockedURI));
for (const level of ["error", "warn"]) console[level] = (...words) => note(words.join(" "));
const settings = SETTINGS;
const deeds = DEEDS;
addEventListener("load", () => setTimeout(() => {
  const { data } = cpalabLesson;
  const worlds = data.worlds;
  let credited = 0; // how often credit was computed since the page stood
  Object.defineProperty(data, "worlds", { get: () => { credited += 1; return worlds; } });
  for (const [id, value] of deeds) {
    const field = document.getElementById(id);
    if (value === "click") { field.click(); continue; }
    field.value = value;
    field.dispatchEvent(new Event("input"));
  }
  setTimeout(() => {
    const text = (id) => document.getElementById(id)?.textContent;
    seen.credited = credited;
    const all = (what, of) =>
      Object.fromEntries([...document.querySelectorAll(`#controls ${what}`)].map((e) => [e.id, of(e)]));
    seen.sliders = all("input", (e) => [e.min, e.max, e.value].map(Number));
    seen.told = all("output", (e) => e.textContent);
    seen.numbers = settings.map((s) => Object.entries(cpalabLesson.numbers(s)).map(([key, value]) => [key, String(value)]));
    seen.hash = location.hash;
    seen.shown = [...document.querySelectorAll("main > section")].filter((s) => !s.hidden).map((s) => s.id);
    seen.real = [...document.querySelectorAll(".real")].map((place) => place.textContent);
    seen.said = text("said");
    seen.world = text("world");
    seen.classSaid = text("class-said");
    seen.unnamed = [...document.querySelectorAll("input, select, button, a, svg, summary")].filter((e) =>
      !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label"))).map((e) => e.id || e.outerHTML);
    seen.width = innerWidth;
    seen.content = document.documentElement.scrollWidth;
    seen.cut = [...document.querySelectorAll(".scroll")].filter((t) => t.scrollWidth > t.clientWidth)
      .map((t) => t.textContent.slice(0, 40));
    seen.resources = performance.getEntriesByType("resource").map((entry) => entry.name);
    seen.background = getComputedStyle(document.body).backgroundColor;
    parent.postMessage(JSON.stringify(seen), "*");
  }, 500);
}, 0));
</script>"""

# `onload` above fires once; the deeds of a slow test (a class of fifty) are waited for by the browser's virtual time.
WINDOW = """<!doctype html><title>window</title>
<script>addEventListener("message", (event) => { document.documentElement.dataset.seen = event.data; });</script>
<iframe src="lesson.html#HASH" style="width: WIDTHpx; height: 800px; border: 0"></iframe>"""


@cache
def read_lesson(name: str) -> Reading:
    lesson = load_lesson(name)
    return Reading(lesson, lesson_worlds(lesson, lesson_scenario(lesson, PEOPLE, 3)))


@cache
def page_of(name: str) -> str:
    return typeset_lesson(read_lesson(name), f"cpalab lesson {name} --out {name}.html")


@pytest.fixture(scope="session")
def reading():
    return read_lesson


@pytest.fixture(scope="session")
def page():
    return page_of


@pytest.fixture
def visit(tmp_path, browser):
    def open_page(html, settings=(), *, deeds=(), address="", width=1200, flags=()) -> dict:
        witness = WITNESS.replace("SETTINGS", json.dumps(list(settings))).replace("DEEDS", json.dumps(list(deeds)))
        (tmp_path / "lesson.html").write_text(html.replace("<head>", f"<head>{witness}", 1), encoding="utf-8")
        window = tmp_path / "window.html"
        window.write_text(WINDOW.replace("WIDTH", str(width)).replace("HASH", address), encoding="utf-8")
        dom, log = browser(window, *flags)
        found = re.search(r'data-seen="([^"]*)"', dom)
        assert found is not None, log
        assert "CONSOLE" not in log
        return json.loads(unescape(found[1]))

    return open_page
