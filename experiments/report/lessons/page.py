"""A lesson as one HTML text that needs no network: texts, style, script, its market's journeys (currency units, days)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments.comparison.verdict import words
from experiments.report.lessons.controls import as_data
from experiments.report.lessons.lesson import Answer, TeachersSheet, load_lesson
from experiments.report.lessons.lesson_world import journeys_as_data, lesson_scenario, lesson_worlds
from experiments.report.lessons.reading import Reading
from experiments.report.numerals import count, number
from experiments.report.typesetting import data_inside_script, pour, text_of
from simulator.draws import ASSIGNMENT


@dataclass(frozen=True)
class LessonPage:
    """What the page says; texts are plain and not yet escaped."""

    title: str
    story: tuple[str, ...]
    question: str
    guess: Any
    guess_start: float
    task: str
    panels: tuple[str, ...]
    watched: str
    switches: tuple[tuple[str, str], ...]
    answer: str
    sentences: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]
    sheet: TeachersSheet
    currency: str
    days: str
    people: str
    seed: int
    command: str


def render_lesson(
    name: str,
    *,
    users: int | None = None,
    seed: int | None = None,
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> str:
    """The page of a lesson: its market simulated, its truth computed, everything inlined.

    Args:
        name: the lesson.
        users: people to simulate instead of the lesson's own number.
        seed: another market than the usual one.
        threads: threads to use; the same page.
        progress: told the share of the work that is done.

    Raises:
        InvalidInputError: there is no such lesson.
        ScenarioError: so many people, or such a seed, cannot be simulated.
    """
    lesson = load_lesson(name)
    scenario = lesson_scenario(lesson, users, seed)
    worlds = lesson_worlds(lesson, scenario, threads=threads, progress=progress)
    changed = "".join(f" --{key} {value}" for key, value in (("users", users), ("seed", seed)) if value is not None)
    return typeset_lesson(Reading(lesson, worlds), f"cpalab lesson {name}{changed} --out {name}.html")


def typeset_lesson(reading: Reading, command: str) -> str:
    """Pour a read lesson into its template; the same reading gives the same text."""
    from markupsafe import Markup

    return pour(
        "lesson.html",
        style=text_of("page.css") + text_of("lesson.css"),
        scripts=[f"{text_of('engine.js')}\n{text_of('view.js')}"],
        page=lesson_page(reading, command),
        data=Markup(data_inside_script(lesson_data(reading))),
    )


def lesson_page(reading: Reading, command: str) -> LessonPage:
    """What the page says about this market."""
    lesson, scenario = reading.lesson, reading.worlds.fact.scenario
    facts = dict(lesson.facts(reading))
    answer: Answer = lesson.answer(reading)
    guess = lesson.guess
    middle = guess.low + guess.step * round((guess.high - guess.low) / 2 / guess.step)
    return LessonPage(
        title=lesson.title,
        story=tuple(line.format(**facts) for line in lesson.story),
        question=guess.question.format(**facts),
        guess=guess,
        guess_start=middle,
        task=lesson.task,
        panels=lesson.panels,
        watched=words(lesson.watched),
        switches=tuple((name, words(name)) for name in lesson.switches),
        answer=f"{number(answer.value)} {guess.unit}".strip(),
        sentences=answer.sentences,
        questions=lesson.questions,
        sheet=lesson.sheet,
        currency=scenario.market.currency,
        days=f"{scenario.run.days:g}",
        people=count(reading.people),
        seed=scenario.run.seed,
        command=command,
    )


def lesson_data(reading: Reading) -> dict[str, Any]:
    """What the page's script computes with: settings, channels, spend, truth, journeys, groups, bids, tests."""
    lesson, worlds = reading.lesson, reading.worlds
    fact, panels = worlds.fact, lesson.panels
    names = fact.names.channels
    paid = fact.scenario.paid_channels()
    views = "view" in lesson.controls
    data: dict[str, Any] = {
        "panels": panels,
        "controls": as_data(lesson.controls, reading.people),
        "beginning": reading.beginning,
        "guess": {"unit": lesson.guess.unit},
        "channels": names,
        "labels": [words(name) for name in names],
        "paid": [name in paid for name in names],
        "spend": [reading.spent(name) for name in names],
        "watched": lesson.watched,
        "switches": lesson.switches,
        "orders": reading.real_orders[""],
    }
    if "credit" in panels:
        shown = {"fact": fact} | {name: worlds.without[name] for name in lesson.switches}
        data["worlds"] = {name: journeys_as_data(world, views=views) for name, world in shown.items()}
        data["truth"] = {name: reading.extra_orders(name) for name in paid}
    if "compare" in panels:
        data["cells"] = {
            key: table.tolist() for key, table in zip(("people", "on", "off"), reading.cells, strict=True)
        }  # fmt: skip
    if "margin" in panels:
        data["ladder"] = reading.ladder
        data["bids"] = [journeys_as_data(world, views=views, by=lesson.watched) for world in worlds.bids]
    if "test" in panels:
        data |= _test_data(reading)
    return data


def _test_data(reading: Reading) -> dict[str, Any]:
    on, off = reading.by_person
    buyers = ((on > 0) | (off > 0)).nonzero()[0]
    return {
        "test": {"user": buyers.tolist(), "on": on[buyers].tolist(), "off": off[buyers].tolist()},
        "costMicros": round(reading.spent(reading.lesson.watched) * 1e6),
        "users": reading.worlds.fact.users.num_rows,
        "assignment": int(ASSIGNMENT),
    }
