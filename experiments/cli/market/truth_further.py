"""What `cpalab truth` is asked beside the effects: by week, one day's pulse, response curves (orders, currency)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd

from cpalab.number_text import number_of
from cpalab.refusal import Problem, Refused
from experiments.cli.progress import Report
from experiments.cli.terminal import Table, console
from experiments.comparison.verdict import words
from experiments.report.numerals import count, count_span, money, span
from experiments.truth.conversion_noun import ConversionNoun
from experiments.truth.effects import ALL, Truth
from experiments.truth.interactions import check_channels
from experiments.truth.over_seeds import TruthOverSeeds, check_seeds, truth_over_seeds
from experiments.truth.over_time import DAYS_PER_WEEK, Pulse, TruthByWeek, check_pulses, pulses, truth_by_week
from experiments.truth.response_curve import DOSES, ResponseCurve, check_curve, response_curve
from simulator.scenario.schema import Scenario
from simulator.world import World


@dataclass(frozen=True)
class Answers:
    """What was found; empty where it was not asked for."""

    by_week: TruthByWeek | None
    pulses: tuple[Pulse, ...]
    curves: tuple[ResponseCurve, ...]
    over_seeds: TruthOverSeeds | None = None

    def frames(self) -> dict[str, pd.DataFrame]:
        """One table per kind of answer."""
        found = {}
        if self.by_week is not None:
            found["truth_by_week"] = self.by_week.to_frame()
        for name, results in (("pulses", self.pulses), ("curves", self.curves)):
            if results:
                found[name] = pd.concat([result.to_frame() for result in results], ignore_index=True)
        if self.over_seeds is not None:
            found["truth_over_seeds"] = self.over_seeds.to_frame()
        return found

    def print(self) -> None:
        """The tables, each with its sentences."""
        screen = console()
        if self.by_week is not None:
            screen.print(weeks_table(self.by_week))
            screen.print(self.by_week.summary())
        for pulse in self.pulses:
            screen.print(pulse_table(pulse))
            screen.print(pulse.summary())
        for curve in self.curves:
            screen.print(curve_table(curve))
            screen.print(curve.summary())
        if self.over_seeds is not None:
            print_over_seeds(self.over_seeds)


@dataclass(frozen=True)
class Further:
    """What is asked, checked before any work."""

    by_week: bool
    pulses: tuple[tuple[str, int], ...]
    curves: tuple[str, ...]
    doses: tuple[float, ...]
    feedback: Literal["held", "free"]
    seeds: int | None = None

    @classmethod
    def asked(
        cls, scenario: Scenario, by: str | None, pulse: tuple[str, ...], curve: tuple[str, ...], at: str | None,
        feedback: Literal["held", "free"], together: list[str] | None, seeds: int | None,
    ) -> "Further":  # fmt: skip
        """The options as they were typed.

        Raises:
            Refused: with every problem of all of them, the interactions' channels too.
        """
        problems: list[Problem] = []
        asked_pulses = tuple(found for text in pulse if (found := _pulse(text, problems)) is not None)
        doses = _doses(at, problems)
        if at is not None and not curve:
            problems.append(Problem("at", "belongs to a curve", at, "name a channel with --curve"))
        checks: list[Callable[[], None]] = [partial(check_pulses, scenario, asked_pulses)]
        checks += [partial(check_curve, scenario, name, doses) for name in curve]
        checks.append(partial(check_seeds, seeds))
        if together is not None:
            checks.append(partial(check_channels, scenario, together))
        for check in checks:
            try:
                check()
            except Refused as error:
                problems += [problem for problem in error.problems if problem not in problems]
        if problems:
            raise Refused(problems)
        return cls(by is not None, asked_pulses, curve, doses, feedback, seeds)

    def answers(self, world: World, truth: Truth, threads: int, report: Report) -> Answers:
        """Live the twins that answer."""
        options: dict[str, Any] = {"feedback": self.feedback, "threads": threads}
        weeks = None
        if self.by_week:
            weeks = truth_by_week(world, **options, progress=lambda share: report("weeks", share))
        found = pulses(world, self.pulses, **options, progress=lambda share: report("pulses", share))
        curves = tuple(
            response_curve(world, name, self.doses, **options, progress=lambda share: report("curves", share))
            for name in self.curves
        )
        markets = None
        if self.seeds is not None:
            markets = truth_over_seeds(
                world, self.seeds, truth=truth, threads=threads, progress=lambda share: report("seeds", share)
            )
        return Answers(weeks, found, curves, markets)


def _pulse(text: str, problems: list[Problem]) -> tuple[str, int] | None:
    channel, _, day = text.partition(":")
    number = number_of(day)
    if not isinstance(number, int) or not channel.strip():
        problems.append(Problem("pulse", "must name a channel and a whole day", repr(text), "write --pulse video:7"))
        return None
    return channel.strip(), number


def _doses(text: str | None, problems: list[Problem]) -> tuple[float, ...]:
    if text is None:
        return DOSES
    found = []
    for word in text.split(","):
        number = number_of(word)
        if number is None:
            problems.append(
                Problem("at", "must be numbers with commas", repr(word.strip()), "write --at 0,.25,.5,1,1.5,2")
            )
        else:
            found.append(float(number))
    return tuple(found)


def weeks_table(found: TruthByWeek) -> Table:
    """One line per channel and week."""
    many = found.action.many
    table = Table(title=f"Truth by week, market {found.feedback}", title_justify="left")
    for heading in ("channel", "week"):
        table.add_column(heading)
    headings = (
        "cost",
        f"{many} its ads caused, whenever",
        "in markets like this",
        f"cost per incremental {found.action.one}",
    )
    for heading in (*headings, f"caused {many} of the week"):
        table.add_column(heading, justify="right")
    for own in found.weeks:
        if own.week == 0:
            table.add_row("", "after the last day", "", "", "", "", count(own.caused_in_it))
            continue
        name = ("All ads" if own.channel == ALL else words(own.channel)) if own.week == 1 else ""
        short = own.last_day - own.first_day
        week = str(own.week) if short == DAYS_PER_WEEK else f"{own.week} ({short:g} days)"
        table.add_row(
            name, week, money(own.cost_micros / 1e6), count(own.caused_by_its_ads), count_span(own.lower, own.upper),
            money(own.cost_per_incremental_conversion), count(own.caused_in_it),
        )  # fmt: skip
    return table


def pulse_table(pulse: Pulse) -> Table:
    """Stretches of days after the ads, which double, each with its orders."""
    noun: ConversionNoun = pulse.action
    table = Table(title=f"What the ads of {words(pulse.channel).lower()} on day {pulse.day} did", title_justify="left")
    for heading in ("days after", f"caused {noun.many}", "so far"):
        table.add_column(heading, justify="right")
    first, width, so_far = 0, 1, 0
    while first < len(pulse.conversions):
        last = min(first + width, len(pulse.conversions))
        here = int(pulse.conversions[first:last].sum())
        so_far += here
        table.add_row(str(first) if last == first + 1 else f"{first}–{last - 1}", count(here), count(so_far))
        first, width = last, width * 2
    return table


def curve_table(curve: ResponseCurve) -> Table:
    """One line per dose."""
    one, many = curve.action.one, curve.action.many
    table = Table(
        title=f"Response curve of {words(curve.channel).lower()}, market {curve.feedback}", title_justify="left"
    )
    headings = (
        "dose",
        "turned by",
        "cost",
        f"incremental {many}",
        "in markets like this",
        f"cost per incremental {one}",
    )
    for heading in (*headings, f"per further {one}"):
        table.add_column(heading, justify="left" if heading == "turned by" else "right")
    for i, dose in enumerate(curve.doses):
        further = curve.marginal_cpa(i)
        table.add_row(
            f"{dose.dose:g}", dose.lever, money(dose.cost_micros / 1e6), count(dose.conversions),
            count_span(dose.lower, dose.upper), money(dose.average_cpa), money(further) if i else money(math.nan),
        )  # fmt: skip
    return table


def print_over_seeds(found: TruthOverSeeds) -> None:
    """One line per channel: this market with its interval over people, all markets, one more market, the price."""
    one, many = found.action.one, found.action.many
    table = Table(
        title=f"Truth over {len(found.seeds)} markets: incremental {many}, 95 % intervals", title_justify="left"
    )
    table.add_column("channel")
    headings = ("this market", "over its people", "mean of markets", "of the mean", "one more market")
    for heading in (*headings, f"cost per incremental {one}", "of that"):
        table.add_column(heading, justify="right")
    for own in found.effects:
        table.add_row(
            "All ads" if own.channel == ALL else words(own.channel), count(own.conversions[0]),
            count_span(own.people_lower, own.people_upper), count(own.mean, 1), count_span(*own.interval),
            count_span(*own.one_market), money(own.cost_per_incremental_conversion), span(*own.price_interval),
        )  # fmt: skip
    screen = console()
    screen.print(table)
    screen.print(found.summary())
