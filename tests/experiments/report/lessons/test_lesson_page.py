"""A lesson in a browser: one question per view, state in the address, readable on a phone, by keyboard and by ear."""

import math
import re

import pytest

from experiments.report.lessons.controls import as_data, beginning
from experiments.report.lessons.lesson import LESSONS, load_lesson
from experiments.report.palette import DARK, LIGHT

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lessons")]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_one_small_silent_file_that_fits_a_phone(name, page, visit):
    assert len(page(name).encode()) < 1_500_000
    for step in ("act", "truth"):
        seen = visit(page(name), address=f"step={step}&guess=5", width=360)
        assert (seen["errors"], seen["resources"], seen["unnamed"], seen["cut"]) == ([], [], [], [])
        assert seen["shown"] == [step]
        assert seen["content"] <= seen["width"] == 360


def test_nothing_is_shown_before_the_guess(page, visit):
    assert visit(page("brand"), address="step=truth")["shown"] == ["guess"]
    assert visit(page("brand"), address="step=teacher")["shown"] == ["teacher"]


def test_settings_are_read_from_the_address_and_written_to_it(page, visit):
    seen = visit(
        page("brand"), address="step=act&guess=40&model=linear", deeds=[("set-lookback", "7"), ("set-cookie", "3")]
    )
    assert set(seen["hash"][1:].split("&")) == {"step=act", "guess=40", "model=linear", "lookback=7", "cookie=3"}


@pytest.mark.parametrize(
    "address", ["step=act&guess=5&lookback=-4&model=best&cookie=1e99", "step=nowhere&guess=x&off=all"]
)
def test_an_address_that_makes_no_sense_is_no_error(address, page, visit):
    assert visit(page("brand"), address=address)["errors"] == []


def test_moving_a_setting_changes_what_is_said_and_not_the_real_orders(page, visit):
    before = visit(page("shift"), address="step=act&guess=40")
    after = visit(page("shift"), address="step=act&guess=40", deeds=[("set-lookback", "1"), ("set-view", "7")])
    assert before["said"] != after["said"]
    assert before["real"] == after["real"]


def test_no_setting_begins_or_lies_beyond_its_slider(page, visit):
    """12,000 people are fewer than the lesson's own 60,000, and no multiple of 5,000."""
    for address, expected in (("", 12_000), ("&people=99999", 12_000)):
        seen = visit(page("lift-test"), address=f"step=act&guess=5{address}")
        low, high, value = seen["sliders"]["set-people"]
        assert (low, high, value) == (5_000, 12_000, expected)
        assert seen["told"]["said-people"] == f"{expected:,}"


def test_a_setting_that_moves_is_computed_once(page, visit):
    seen = visit(page("brand"), address="step=act&guess=5", deeds=[("set-lookback", "7"), ("set-lookback", "9")])
    assert seen["credited"] == 2


@pytest.mark.parametrize("people", [1_000, 3_000, 12_345, 60_000, 200_000])
def test_people_in_a_test_are_those_there_are(people):
    [control] = as_data(("people",), people)
    steps = (control["high"] - control["low"]) / control["step"]
    assert steps == int(steps)
    assert control["high"] == people
    assert beginning({"people": math.inf}, people)["people"] == people
    assert control["low"] <= beginning({}, people)["people"] <= people


def test_a_channel_is_switched_off_in_the_truth(page, reading, visit):
    seen = visit(page("retargeting"), address="step=truth&guess=5", deeds=[("off", "retargeting")])
    assert int(seen["world"]) == reading("retargeting").real_orders["retargeting"]


def test_the_class_draws_its_tests(page, visit):
    seen = visit(page("lift-test"), address="step=act&guess=5", deeds=[("class", "click")])
    assert re.match(r"\d+ of 50 tests drawn|50 tests of the same ads: \d+ cannot rule out", seen["classSaid"])


@pytest.mark.parametrize(("scheme", "palette"), [(1, LIGHT), (0, DARK)], ids=["light", "dark"])
def test_the_page_wears_the_colours_the_reader_prefers(page, visit, scheme, palette):
    seen = visit(page("brand"), flags=[f"--blink-settings=preferredColorScheme={scheme}"])
    paper = ", ".join(str(int(palette.paper[i : i + 2], 16)) for i in (1, 3, 5))
    assert seen["background"] == f"rgb({paper})"


@pytest.mark.parametrize("scheme", [1, 0], ids=["light", "dark"])
def test_lessons_have_no_serious_fault_of_accessibility(page, accessibility_faults, scheme):
    names = list(LESSONS) if scheme else ["brand", "margin", "lift-test"]
    pages = {name: page(name) for name in names}
    assert accessibility_faults(pages, f"--blink-settings=preferredColorScheme={scheme}") == []


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_has_what_a_class_needs(name):
    lesson = load_lesson(name)
    assert len(lesson.questions) >= 3
    assert all(question.endswith("?") and len(answer) > 40 for question, answer in lesson.questions)
    assert lesson.sheet.sources
    assert lesson.sheet.course
    assert lesson.sheet.misunderstandings
    assert {"credit", "test", "margin"} & {*lesson.panels}


def test_the_same_market_gives_the_same_page(page, reading):
    from experiments.report.lessons.page import typeset_lesson

    assert typeset_lesson(reading("brand"), "cpalab lesson brand --out brand.html") == page("brand")
