"""The settings a learner can move, with their ranges and words (days, percent, people)."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from experiments.report.lessons.lesson_world import BIDS


@dataclass(frozen=True)
class Control:
    """One setting.

    Attributes:
        key: its name in the page's address.
        label: its name for a reader; unit: what follows the number.
        choices: value and words of each choice, or none for a slider from low to high.
        start: its value at the beginning.
        zero: what 0 means, in words.
        names: words for each step of a slider.
    """

    key: str
    label: str
    start: float | str
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    zero: str = ""
    names: tuple[str, ...] = ()


MODELS = (
    ("last_click", "Last click"),
    ("first_click", "First click"),
    ("linear", "Linear"),
    ("position_based", "Position based (40/20/40)"),
    ("time_decay", "Time decay (7 days)"),
)
GROUPS = (
    ("everyone", "everyone who saw none"),
    ("visitors", "people who came to the shop and saw none"),
    ("regulars", "people who came three times or more and saw none"),
    ("themselves", "the same people in a world without these ads"),
)

LEAST_IN_A_TEST = 5_000  # people, unless there are fewer; a test may have as many as there are

CONTROLS: Mapping[str, Control] = {
    control.key: control
    for control in (
        Control("lookback", "Lookback window for clicks", 30.0, 1.0, 60.0, 1.0, "days"),
        Control("view", "Credit for ads that were only seen, for", 0.0, 0.0, 14.0, 1.0, "days", zero="no credit for views"),
        Control("consent", "People who consent to tracking", 100.0, 20.0, 100.0, 1.0, "%"),
        Control("cookie", "Life of a cookie", 90.0, 1.0, 90.0, 1.0, "days"),
        Control(
            "dedup",
            "Who counts",
            "one",
            choices=(("one", "one report: every order once"), ("each", "each platform for itself")),
        ),
        Control("model", "Attribution model of the one report", "last_click", choices=MODELS),
        Control("group", "Compare the people who saw the ad with", "everyone", choices=GROUPS),
        Control("bid", "Bid for the ads", 3, 0.0, 5.0, names=tuple(f"{f:g} × today’s".removeprefix("1 × ") for f in BIDS)),
        Control("people", "People in the test", 20_000.0),
        Control("held", "Held out, never shown the ads", 10.0, 5.0, 50.0, 5.0, "%"),
        Control("draw", "Your test (take your birthday: 1 to 31, times your month)", 7.0, 1.0, 400.0, 1.0, ""),
    )
}  # fmt: skip


def as_data(keys: tuple[str, ...], people: int) -> list[dict[str, Any]]:
    """These controls as the page's script reads them; no test has more people than there are."""
    own = {"low": min(LEAST_IN_A_TEST, people), "high": people, "step": math.gcd(LEAST_IN_A_TEST, people)}
    return [asdict(CONTROLS[key]) | (own if key == "people" else {}) for key in keys]


def beginning(start: Mapping[str, Any], people: int) -> dict[str, Any]:
    """Every setting at its beginning, a lesson's own where it has one; in a test no more people than there are."""
    begun = {key: control.start for key, control in CONTROLS.items()} | dict(start)
    return begun | {"people": min(begun["people"], people)}
