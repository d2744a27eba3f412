"""What a lesson is made of: texts, a market, settings to move, and how its truth is told (days, currency units)."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cpalab.refusal import InvalidInputError, Problem, did_you_mean

if TYPE_CHECKING:
    from experiments.report.lessons.reading import Reading

Panel = Literal["credit", "compare", "margin", "test"]

# Lesson → its file in `taught`, in the order in which a course would take them.
LESSONS = {
    "shift": "why_cpa_shifts",
    "window": "window_and_view",
    "consent": "consent_and_cookies",
    "brand": "brand_search",
    "retargeting": "retargeting",
    "margin": "average_and_margin",
    "lift-test": "wide_lift_tests",
}


@dataclass(frozen=True)
class Guess:
    """The number a learner commits to before anything is shown.

    Attributes:
        question: what is asked; `{name}` stands for a number of the lesson's facts.
        low, high, step: of the slider.
        unit: what the number counts.
    """

    question: str
    low: float
    high: float
    step: float
    unit: str


@dataclass(frozen=True)
class Answer:
    """The truth of a lesson's market: the number guessed at, and what follows from it in sentences."""

    value: float
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class TeachersSheet:
    """What a teacher needs: how long it takes, what shall be learnt, the course of it, what goes wrong, the sources."""

    minutes: int
    aim: str
    course: tuple[str, ...]
    misunderstandings: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Attributes:
        title: its name for a reader.
        line: what it is about, in one line.
        story: what a learner is told first; `{name}` stands for a number of the facts.
        guess: the question.
        task: what to do with the settings.
        panels: what is shown: credit and CPA per channel, groups of people compared, a ladder of bids, a lift test.
        controls: the settings that can be moved (`controls.CONTROLS`).
        watched: the channel the lesson is about, marked in the table.
        switches: channels that can be switched off once the truth is shown.
        questions: what a learner shall be able to answer, with the answers.
        sheet: for the teacher.
        answer: the truth, from the numbers of the lesson's market.
        start: settings at the beginning, where they differ from the controls' own.
        users: people simulated.
        market: overrides of the default scenario.
        facts: numbers for story and question.
    """

    title: str
    line: str
    story: tuple[str, ...]
    guess: Guess
    task: str
    panels: tuple[Panel, ...]
    controls: tuple[str, ...]
    watched: str
    questions: tuple[tuple[str, str], ...]
    sheet: TeachersSheet
    answer: Callable[["Reading"], Answer]
    facts: Callable[["Reading"], Mapping[str, str]]
    switches: tuple[str, ...] = ()
    start: Mapping[str, Any] = field(default_factory=dict)
    users: int = 60_000
    market: Mapping[str, Any] = field(default_factory=dict)


def load_lesson(name: str) -> Lesson:
    """The lesson of this name.

    Args:
        name: one of `LESSONS`.

    Raises:
        InvalidInputError: there is none.

    Example:
        >>> load_lesson("brand").title
        'Brand search, and what eBay found'
    """
    if name not in LESSONS:
        raise InvalidInputError([Problem("NAME", "is no lesson", name, did_you_mean(name, LESSONS))])
    lesson: Lesson = importlib.import_module(f"experiments.report.lessons.taught.{LESSONS[name]}").LESSON
    return lesson
