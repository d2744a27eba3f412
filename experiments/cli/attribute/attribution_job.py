"""What `cpalab attribute` does: data, models and costs in, a table of credited conversions and what they cost out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cpalab.refusal import InvalidInputError, Problem, did_you_mean, gathered

if TYPE_CHECKING:
    import pandas as pd

    from attribution.costs.economics import UnitEconomics
    from attribution.credit import Credit
    from attribution.formats.lift_tests import MeasuredLift
    from attribution.formats.records import Records
    from attribution.model import AttributionModel
    from attribution.paths.paths import Paths
    from attribution.paths.settings import PathSettings

DEFAULT_MODELS = ("last_click", "linear", "markov")
Report = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What was asked for; each field is the option of its name."""

    files: tuple[Path, ...]
    models: tuple[str, ...]
    cost_file: Path | None = None
    lift_file: Path | None = None
    format_name: str | None = None
    bad_rows: Any = "refuse"
    action: str | None = None
    lookback_days: float | None = None
    view_lookback_days: float | None = None
    direct: Any = None
    by: tuple[str, ...] = ()
    period: Any = None
    clock: Any = "conversion"
    margin_rate: float | None = None
    margin_per_action: float | None = None
    lifetime_value: float | None = None
    intervals: int | None = None
    seed: int = 1
    stream: bool = False

    @property
    def is_segmented(self) -> bool:
        """Whether figures are broken down."""
        return bool(self.by or self.period)


@dataclass(frozen=True, eq=False)
class Answer:
    """What came out: the table, the paths behind it, and sentences for people."""

    table: "pd.DataFrame"
    paths: "Paths"
    metric: str
    summaries: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The answer in plain values."""
        return {
            "metric": self.metric,
            "rows": self.table.to_dict("records"),
            "summaries": list(self.summaries),
            "notes": list(self.notes),
        }


def attribute(job: Job, report: Report = lambda stage, share: None) -> Answer:
    """Read, build paths, fit, credit, and join the cost.

    Raises:
        InvalidInputError: on any mistake in the job or its data, before models are fitted.
    """
    from attribution.costs.performance import performance_table

    from attribution.formats.lift_tests import read_lift_tests

    problems: list[Problem] = []
    asked = gathered(problems, partial(checked, job))
    report("read", 0.0)
    found = gathered(problems, partial(read, job, asked and asked[2])) if asked or not job.stream else None
    given = tests = None
    if job.cost_file is not None and not given_twice(job):
        given = gathered(problems, partial(read_cost_file, job.cost_file, job.bad_rows))
    if job.lift_file is not None and not given_twice(job):
        tests = gathered(problems, partial(read_lift_tests, job.lift_file))
    if problems or asked is None or found is None:
        raise InvalidInputError(problems)
    models, economics, _ = asked
    paths, records, costs, notes = found
    if given is not None:
        costs, what_became_of_them = given
        notes += (f"Costs: {what_became_of_them}",)
    if tests is not None and job.lift_file is not None:
        rescaled, left_out = calibrated(models, paths, tests, job.lift_file.name)
        models += rescaled
        notes += left_out
    segments = None
    if job.is_segmented:
        if records is None:
            raise InvalidInputError(["by, period: counted paths have no segments and no dates; give touches"])
        from attribution.costs.segments import Segmented, segments_of

        segments = segments_of(records, paths, job.by, period=job.period, clock=job.clock)
        models = [Segmented(model, segments) for model in models]
    cost_micros: Any = {}
    if costs is not None and segments is None:
        cost_micros = total_by_channel(costs)
    elif costs is not None and segments is not None:
        from attribution.costs.segments import cost_by_segment

        cost_micros, missing = cost_by_segment(costs, segments)
        if missing:
            notes += (f"The costs have no {', '.join(missing)}, so no segment's cost is known.",)
    credits = credited(models, paths, job, report)
    by = segments.by if segments is not None else ("channel",)
    table = performance_table(credits, cost_micros, economics, by=by)
    if costs is None:
        notes += ("No costs given: --cost FILE adds them.",)
    else:
        notes += without_paths(costs, paths)
    from attribution.costs.economics import COST_METRICS
    from attribution.formats.records import DEFAULT_ACTION

    metric = COST_METRICS.get(job.action or DEFAULT_ACTION, f"cost per {job.action}")
    whole = [credit.summary() for credit in credits] if segments is None else []
    return Answer(table, paths, metric, (paths.summary(), *whole), notes)


def checked(job: Job) -> tuple[list["AttributionModel"], "UnitEconomics | None", "PathSettings"]:
    """The models, margins and path settings of a job; refuses all that is wrong with them at once."""
    from attribution.costs.economics import UnitEconomics
    from attribution.model import MODELS
    from attribution.paths.settings import PathSettings

    problems: list[Problem | str] = []
    models = gathered(problems, partial(MODELS.find_all, job.models))
    margins = (job.margin_rate, job.margin_per_action, job.lifetime_value)
    economics = None
    if any(figure is not None for figure in margins):
        rate, margin, worth = margins
        given = partial(UnitEconomics, margin_rate=rate, margin_per_action=margin, lifetime_value=worth)
        economics = gathered(problems, given)
    problems += given_twice(job)
    windows: dict[str, Any] = {} if job.lookback_days is None else {"lookback_days": job.lookback_days}
    if job.direct is not None:
        windows["direct"] = job.direct
    if job.view_lookback_days is not None:
        windows |= {"view_lookback_days": job.view_lookback_days, "touches": "clicks_and_views"}
    settings = gathered(problems, partial(PathSettings, **windows))
    if job.stream and job.is_segmented:
        problems.append("--stream: keeps no single touches; leave out --by and --period, or --stream")
    if problems:
        raise InvalidInputError(problems)
    return list(models or ()), economics, settings or PathSettings()


def given_twice(job: Job) -> list[str]:
    """What is wrong where a file is named more than once: its rows would count twice."""
    files = [*job.files, *(file for file in (job.cost_file, job.lift_file) if file is not None)]
    places = [file.resolve() for file in files]
    twice = dict.fromkeys(file for file, place in zip(files, places, strict=True) if places.count(place) > 1)
    return [f"FILE: {file} is given more than once; its rows would count as often" for file in twice]


def calibrated(
    models: "Sequence[AttributionModel]", paths: "Paths", tests: "Sequence[MeasuredLift]", file: str
) -> "tuple[list[AttributionModel], tuple[str, ...]]":
    """Every model, calibrated by the lift tests in a file; and a note on each that credits nothing to a tested channel."""
    from attribution.model import credits_of
    from attribution.models.lift_calibrated import LiftCalibrated

    unknown = [
        f"{file}: {test.channel!r} is not a channel of the paths; {did_you_mean(test.channel, paths.channels)}"
        for test in tests
        if test.channel not in paths.channels
    ]
    if unknown:
        raise InvalidInputError(unknown)
    rescaled: list[AttributionModel] = []
    left_out: tuple[str, ...] = ()
    for model, credit in zip(models, credits_of(models, paths), strict=True):
        given = dict(zip(credit.channels, credit.conversions, strict=True))
        without = [test.channel for test in tests if not given[test.channel] > 0]
        if without:
            left_out += (f"{credit.method} credits nothing to {', '.join(without)}, so no lift test can rescale it.",)
        else:
            rescaled.append(LiftCalibrated(model, tuple(test.per_credited(credit) for test in tests)))
    return rescaled, left_out


def without_paths(costs: Any, paths: "Paths") -> tuple[str, ...]:
    """What to say of channels that cost something but stand in no path: perhaps their name is misspelt."""
    import difflib

    known = {name.casefold(): name for name in paths.channels}
    alone = []
    for name in sorted({*costs["channel"].to_pylist()} - {None, *paths.channels}):
        close = difflib.get_close_matches(name.casefold(), known, n=1)
        alone.append(f"{name!r} (did you mean {known[close[0]]}?)" if close else f"{name!r}")
    return (f"Costs of channels that no path has, listed without credit: {'; '.join(alone)}.",) if alone else ()


def simulated(job: Job) -> bool:
    """Whether the files are logs of simulated markets."""
    from attribution.formats.simulated_log import SimulatedLog
    from cpalab.tables.input_table import open_table

    if job.format_name is not None:
        return job.format_name == SimulatedLog.name
    return all(SimulatedLog().recognises(open_table(file)) for file in job.files)


def read(job: Job, settings: "PathSettings | None") -> tuple["Paths", "Records | None", Any, tuple[str, ...]] | None:
    """The paths, the records behind them where there are any, their costs, and what was left out; rows alone without settings."""
    from attribution.formats.records import DEFAULT_ACTION, CountedPaths
    from attribution.formats.registry import read_data
    from attribution.paths.stream import stream_paths

    data: Records | CountedPaths
    said: tuple[str, ...] = ()
    if settings is not None and job.direct is None and simulated(job):
        settings = replace(settings, direct="ignored_unless_alone")
        said = ("Direct visits gave way to other touches, as in cpalab run; --direct kept counts them.",)
    if job.stream and settings is not None:
        data = stream_paths(*job.files, settings=settings, action=job.action or DEFAULT_ACTION, bad_rows=job.bad_rows)
    else:
        data = read_data(*job.files, format=job.format_name, bad_rows=job.bad_rows)
    notes: tuple[str, ...] = (data.report.summary(), *said)
    if isinstance(data, CountedPaths):
        timed = [
            option
            for option, value in (
                ("--lookback", job.lookback_days),
                ("--view-lookback", job.view_lookback_days),
                ("--direct", job.direct),
            )
            if value is not None and not job.stream
        ]
        if job.action is not None and not job.stream:
            timed.append("--action")
        if timed:
            raise InvalidInputError([f"{', '.join(timed)}: counted paths have no times; give touches and conversions"])
        return data.paths, None, data.costs, notes
    data = data.of_action(job.action)
    return None if settings is None else (data.to_paths(settings), data, data.costs, notes)


def read_cost_file(file: Path, bad_rows: Any) -> tuple[Any, str]:
    """The table of costs, and what became of its rows."""
    from attribution.formats.event_tables import read_costs
    from cpalab.tables.input_table import open_table

    problems: list[str] = []
    costs, report = read_costs(open_table(file), problems)
    if bad_rows == "refuse":
        problems += [f"{defect}; correct them, or drop malformed rows (--bad-rows drop)" for defect in report.defects]
    if problems:
        raise InvalidInputError(problems)
    return costs, report.summary()


def total_by_channel(costs: Any) -> dict[str, int]:
    """The cost in micros of every channel."""
    total: dict[str, int] = {}
    grouped = costs.group_by("channel").aggregate([("cost_micros", "sum")])
    for channel, cost in zip(grouped["channel"].to_pylist(), grouped["cost_micros_sum"].to_pylist(), strict=True):
        total[channel] = total.get(channel, 0) + cost
    return total


def credited(models: Sequence["AttributionModel"], paths: "Paths", job: Job, report: Report) -> "Sequence[Credit]":
    """The credits of all models, with intervals if they were asked for."""
    if job.intervals is None:
        from attribution.model import credits_of

        return credits_of(models, paths)
    from attribution.bootstrap import bootstrap_credits

    draws = job.intervals

    def told(replicates: Iterable[Any]) -> Iterator[Any]:
        for done, replicate in enumerate(replicates):
            report("bootstrap", done / draws)
            yield replicate

    return bootstrap_credits(models, paths, seed=job.seed, replicates=draws, progress=told)
