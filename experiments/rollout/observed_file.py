"""Observations: what a team noted of a period before a change and one after it, from a table (currency per action)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cpalab.refusal import InvalidInputError, Problem, ScenarioError, did_you_mean
from experiments.rollout.check_rollout import GateVerdict, check_rollout
from experiments.rollout.contract import Contract
from experiments.rollout.reported_cpa import ALL, SPLITS, SYSTEMS, Key, ReportedCpas, Split
from experiments.rollout.seen_periods import SeenRow
from simulator.scenario.schema import Scenario
from simulator.scenario.tracking import BROWSERS

COLUMNS = ("channel", "system", "cpa_before", "cpa_after")
TENFOLD = 10.0
VALUE_COLUMNS = ("roas_before", "roas_after")


@dataclass(frozen=True)
class Observation:
    """One channel in one system, or one part of it, before and after, in currency; ROAS where it was noted.

    Attributes:
        cpa_after: nan where there is none.
        emptied: whether nothing was counted any more.
        part: the device, segment … or day of the period; empty for the whole.
    """

    channel: str
    system: str
    cpa_before: float
    cpa_after: float
    roas_before: float = math.nan
    roas_after: float = math.nan
    part: str = ""
    emptied: bool = False

    @property
    def key(self) -> Key:
        """Which channel, system and part it is about."""
        return Key(self.channel, self.system, self.part)

    @property
    def in_words(self) -> str:
        """The same in words: `video in analytics`, `video in analytics, safari`."""
        return f"{self.channel} in {self.system}{self.part and f', {self.part}'}"

    @property
    def figures(self) -> tuple[str, ...]:
        """What was noted: CPA (also one that is gone), and ROAS where one was."""
        noted = {
            "CPA": self.emptied or math.isfinite(self.cpa_before) or math.isfinite(self.cpa_after),
            "ROAS": math.isfinite(self.roas_before) or math.isfinite(self.roas_after),
        }
        return tuple(figure for figure, is_noted in noted.items() if is_noted)

    def seen_rows(self) -> tuple[SeenRow, ...]:
        """The same as the gate judges it: CPA, and ROAS where it was noted; none for a part, which no band is known for."""
        if self.part:
            return ()
        ratio = self.cpa_after / self.cpa_before if self.cpa_before > 0 else math.nan
        rows = (SeenRow(self.channel, self.system, "cpa", ratio, emptied=self.emptied),)
        if not self.roas_before > 0 or math.isnan(self.roas_after):
            return rows
        return (*rows, SeenRow(self.channel, self.system, "roas", self.roas_after / self.roas_before))


@dataclass(frozen=True)
class Observations:
    """The rows of a file that say something of their own.

    Attributes:
        rows: what is compared.
        split: the dimension whose values their parts are.
        sums: rows that repeat others: wholes whose every part is given, `all` where every channel is.
    """

    rows: tuple[Observation, ...]
    split: Split | None = None
    sums: tuple[Observation, ...] = ()

    def judged(self, contract: Contract) -> GateVerdict:
        """Each whole figure against its band in a contract, those outside first."""
        return check_rollout(contract, [row for seen in (*self.rows, *self.sums) for row in seen.seen_rows()])


def observe(before: ReportedCpas, after: ReportedCpas, split: Split | None = None) -> Observations:
    """What a team would note of two periods."""
    return Observations(
        tuple(
            Observation(
                key.channel,
                key.system,
                before.cpa(key),
                after.cpa(key),
                before.roas(key),
                after.roas(key),
                key.part,
                emptied=before.actions[key].total > 0 and after.actions[key].total == 0,
            )
            for key in before.actions
        ),
        split,
    )


def read_observations(path: str | Path, scenario: Scenario) -> Observations:
    """Read a table of any layout (`cpalab.tables`) with columns channel, system, cpa_before, cpa_after.

    Optional: roas_before, roas_after; and one of the columns device, browser, geo, segment, campaign or day (the day of
    the period, from 1 on; before and after). An empty cpa_after says that nothing was counted any more. The channel `all`
    is all paid channels together; it is left out as a sum only where every single channel is given.

    Raises:
        ScenarioError: with every problem found, each with its line.
    """
    from cpalab.tables.frames import read_frame

    try:
        frame, _ = read_frame(path, texts=("channel", "system", *SPLITS), known=COLUMNS)
    except InvalidInputError as error:
        raise ScenarioError(error.problems) from None
    columns = list(map(str, frame.columns))
    texts = frame.astype(object).where(frame.notna(), "").map(str)
    rows = [{str(name): text for name, text in row.items()} for row in texts.to_dict("records")]
    splits = [name for name in SPLITS if name in columns]
    problems = [Problem(f"{path}: column {name}", "is missing") for name in COLUMNS if name not in columns]
    if len(splits) > 1:
        problems.append(Problem(f"{path}: columns {' and '.join(splits)}", "only one of these at a time"))
    if problems:
        raise ScenarioError(problems)
    known = known_words(scenario, splits)
    observations = [
        _observation(row, f"{path}: line {line}", known, problems) for line, row in enumerate(rows, start=2)
    ]
    if not observations:
        problems.append(Problem(str(path), "holds no rows"))
    keys = [seen.key for seen in observations]
    problems += [
        Problem(
            f"{path}: line {line}",
            "repeats an earlier row",
            " ".join(filter(None, (key.channel, key.system, key.part))),
        )
        for line, key in enumerate(keys, start=2)
        if key in keys[: line - 2]
    ]
    if problems:
        raise ScenarioError(problems)
    own = _without_sums(observations, scenario, known)
    sums = tuple(row for row in observations if row not in own)
    return Observations(tuple(own), splits[0] if splits else None, sums)


def known_words(scenario: Scenario, splits: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The words that each column of words may hold."""
    population = scenario.population
    campaigns = [name for channel in scenario.channels.values() for name in channel.campaigns]
    words: dict[str, Sequence[str]] = {
        "device": list(population.devices),
        "browser": BROWSERS,
        "geo": list(population.geos),
        "segment": list(population.segments),
        "campaign": campaigns,
        "day": [str(day + 1) for day in range(math.ceil(scenario.run.days))],
    }
    return {"channel": [*scenario.paid_channels(), ALL], "system": SYSTEMS} | {name: words[name] for name in splits}


def _observation(
    row: Mapping[str, str | None], place: str, known: Mapping[str, Sequence[str]], problems: list[Problem]
) -> Observation:
    words = {column: (row[column] or "").strip() for column in known}
    for column, word in words.items():
        if word not in known[column] and (word or column in COLUMNS):
            hint = f"days count from 1 to {known[column][-1]}" if column == "day" else did_you_mean(word, known[column])
            problems.append(Problem(f"{place}: {column}", f"is no {column} here", repr(word), hint))
    before = _number(row["cpa_before"], f"{place}: cpa_before", problems)
    nothing = (row["cpa_after"] or "").strip().lower() in ("", "inf")
    after = math.nan if nothing else _number(row["cpa_after"], f"{place}: cpa_after", problems)
    roas_before, roas_after = (
        _number(row[name], f"{place}: {name}", problems) if (row.get(name) or "").strip() else math.nan
        for name in VALUE_COLUMNS
    )
    part = next((word for column, word in words.items() if column not in COLUMNS), "")
    return Observation(words["channel"], words["system"], before, after, roas_before, roas_after, part, nothing)


def _number(text: str | None, place: str, problems: list[Problem]) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        problems.append(Problem(place, "must be a number above 0", repr(text or "")))
    return value


def days_lost(observations: Observations) -> tuple[int, int] | None:
    """First and last day of the stretch in which tags lost most; none where they lost on no day.

    That is the run of days with the largest Σ (ln(CPA after / before) − ln 1.5), where a day without any action counts as
    a tenfold rise. Analytics says it best: platforms may book an action on the day of the click.
    """
    if observations.split != "day":
        return None
    systems = {seen.system for seen in observations.rows if seen.part}
    system = "analytics" if "analytics" in systems else "platform"
    rises: dict[int, list[float]] = {}
    for seen in observations.rows:
        if seen.part and seen.system == system and math.isfinite(seen.cpa_before):
            ratio = TENFOLD if seen.emptied else min(seen.cpa_after / seen.cpa_before, TENFOLD)
            if math.isnan(ratio):
                continue
            rises.setdefault(int(seen.part), []).append(math.log(ratio / 1.5))
    best, found, total, start = 0.0, None, 0.0, 0
    for day in sorted(rises):
        if total <= 0:
            total, start = 0.0, day
        total += sum(rises[day]) / len(rises[day])
        if total > best:
            best, found = total, (start, day)
    return found


def _without_sums(
    rows: Sequence[Observation], scenario: Scenario, known: Mapping[str, Sequence[str]]
) -> list[Observation]:
    """The rows that say something of their own: a whole or an `all` is a sum only where every part of it is given.

    Where parts are missing, the whole says what they do together: it is kept, and that it counts the same people as the
    parts given is in the covariance.
    """
    split = next((name for name in known if name not in COLUMNS), None)
    given: dict[tuple[str, str], set[str]] = {}
    channels: dict[tuple[str, str], set[str]] = {}
    for seen in rows:
        if seen.part:
            given.setdefault((seen.channel, seen.system), set()).add(seen.part)
        if seen.channel != ALL:
            channels.setdefault((seen.system, seen.part), set()).add(seen.channel)

    def parts_of(channel: str) -> set[str]:
        if split == "campaign" and channel != ALL:
            return set(scenario.channels[channel].campaigns)
        return set(known[split]) if split else set()

    def is_sum(seen: Observation) -> bool:
        parts = parts_of(seen.channel)
        in_parts = not seen.part and bool(parts) and parts <= given.get((seen.channel, seen.system), set())
        in_channels = seen.channel == ALL and set(scenario.paid_channels()) <= channels.get(
            (seen.system, seen.part), set()
        )
        return in_parts or in_channels

    return [seen for seen in rows if not is_sum(seen)]
