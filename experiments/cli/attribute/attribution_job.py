"""What `cpalab attribute` does: data, models and costs in, a table of credited conversions and what they cost out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cpalab.refusal import InvalidInputError, Problem, did_you_mean, gathered

if TYPE_CHECKING:
    import pandas as pd

    from attribution.costs.economics import UnitEconomics
    from attribution.credit import Credit
    from attribution.formats.lift_tests import MeasuredLift
    from attribution.formats.records import CountedPaths, Records
    from attribution.model import AttributionModel
    from attribution.paths.paths import Paths
    from attribution.paths.settings import PathSettings
    from cpalab.tables.input_table import TextOptions

DEFAULT_MODELS = ("last_click", "linear", "markov")
Report = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What was asked for; each field is the option of its name."""

    files: tuple[Path, ...]
    databases: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
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
    separator: str | None = None
    map_file: Path | None = None
    options: "TextOptions | None" = None
    currency: str | None = None
    rates_file: Path | None = None
    details: Path | None = None
    transforms: tuple[str, ...] = ()

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
    value_known: bool = True
    counts: "pd.DataFrame | None" = None
    details: "tuple[tuple[str, pd.DataFrame], ...]" = ()

    def as_json(self) -> dict[str, Any]:
        """The answer in plain values."""
        return {
            "metric": self.metric,
            "rows": self.table.to_dict("records"),
            "summaries": list(self.summaries),
            "notes": list(self.notes),
            "counts": [] if self.counts is None else self.counts.to_dict("records"),
        }


def attribute(job: Job, report: Report = lambda stage, share: None) -> Answer:
    """Read, build paths, fit, credit, and join the cost.

    Raises:
        InvalidInputError: on any mistake in the job or its data, before models are fitted.
    """
    from attribution.costs.performance import performance_table
    from experiments.cli.attribute.counts import counts_of
    from experiments.cli.attribute.details import details_of
    from experiments.cli.attribute.fitted_once import FittedOnce

    models, economics, given = inputs(job, report)
    models = [FittedOnce(model) for model in models]
    paths, records, costs, notes, value_known = built(job, given)
    counts = counts_of(given.data, records, paths, costs, None if given.costs is None else given.costs[1])
    if job.transforms:
        from attribution.paths.transforms import transformed

        paths = transformed(paths, job.transforms)  # type: ignore[arg-type]
    learnt = tuple(models)
    if given.tests:
        rescaled, left_out = calibrated(models, paths, given.tests, job.lift_file)
        models += rescaled
        notes += left_out
    segments = None
    if job.is_segmented:
        if records is None:
            raise InvalidInputError(["by, period: counted paths have no segments and no dates; give touches"])
        from attribution.costs.segments import Segmented, segments_of

        segments = segments_of(records, paths, job.by, period=job.period, clock=job.clock)
        models = [Segmented(model, segments) for model in models]
        zone = getattr(records.conversions["time"].type, "tz", None)
        if job.period and zone:
            notes += (
                f"Each {job.period} is one of {zone}, whatever offsets the times were written with; costs by date are too.",
            )
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
    table = performance_table(credits, cost_micros, economics, by=by, value_known=value_known)
    if costs is None:
        notes += ("No costs given: --cost FILE adds them.",)
    else:
        notes += without_paths(costs, paths)
    from attribution.costs.economics import COST_METRICS
    from attribution.formats.records import DEFAULT_ACTION

    if not paths.total_conversions and not paths.unattributed_conversions:
        notes += ("There is no conversion in the data, so nothing is credited.",)
    if not value_known:
        notes += ("The data do not say what conversions are worth, so value and ROAS are unknown.",)
    metric = COST_METRICS.get(job.action or DEFAULT_ACTION, f"cost per {job.action}")
    whole = [credit.summary() for credit in credits] if segments is None else []
    details = tuple(details_of(learnt, paths)) if job.details else ()
    return Answer(table, paths, metric, (paths.summary(), *whole), notes, value_known, counts, details)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What was read, before anything is made of it: data, costs with what became of their rows, lift tests, names."""

    data: Any
    settings: "PathSettings"
    costs: tuple[Any, Any] | None = None
    tests: "Sequence[MeasuredLift]" = ()
    names: Sequence[tuple[str, str]] | None = None


def inputs(job: Job, report: Report) -> tuple[list["AttributionModel"], "UnitEconomics | None", Inputs]:
    """The options of a job and every file that it names; refuses all that is wrong with them at once."""
    from attribution.formats.lift_tests import read_lift_tests
    from attribution.paths.settings import PathSettings

    problems: list[Problem | str] = []
    asked = gathered(problems, partial(checked, job))
    job = gathered(problems, partial(with_rates, job)) or job
    report("read", 0.0)
    settings, data = asked[2] if asked else PathSettings(), None
    # Streaming makes the paths while it reads: work that is done for good options only.
    if asked or not job.stream:
        data = gathered(problems, partial(read, job, settings))
    costs = tests = names = None
    once = not given_twice(job)
    if job.cost_file is not None and once:
        costs = gathered(problems, partial(read_cost_file, job))
    if job.lift_file is not None and once:
        tests = gathered(problems, partial(read_lift_tests, job.lift_file, job.options))
    if job.map_file is not None and once:
        names = gathered(problems, partial(read_map, job.map_file, job.options))
    if problems or asked is None:
        raise InvalidInputError(problems)
    return asked[0], asked[1], Inputs(data, settings, costs, tests or (), names)


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
    if job.queries and not job.databases:
        problems.append(
            "--query: none of the files is a database; leave it out, or give an address such as postgres://…"
        )
    if job.stream and job.databases:
        problems.append("--stream: reads Parquet; export the rows of the database, sorted by user_id")
    windows: dict[str, Any] = {} if job.lookback_days is None else {"lookback_days": job.lookback_days}
    if job.direct is not None:
        windows["direct"] = job.direct
    if job.view_lookback_days is not None:
        windows |= {"view_lookback_days": job.view_lookback_days, "touches": "clicks_and_views"}
    settings = gathered(problems, partial(PathSettings, **windows))
    for option, asked in (("--stream", job.stream), ("--transform", bool(job.transforms))):
        if asked and job.is_segmented:
            problems.append(f"{option}: keeps no single touches; leave out --by and --period, or {option}")
    if problems or models is None or settings is None:
        raise InvalidInputError(problems)
    return list(models), economics, settings


def with_rates(job: Job) -> Job:
    """The job whose readers convert amounts to --currency by the table in --rates."""
    from cpalab.tables.exchange import Exchange
    from cpalab.tables.input_table import TextOptions

    if (job.currency is None) != (job.rates_file is None):
        raise InvalidInputError(
            ["--currency, --rates: one alone says nothing; give the currency and a table of rates to it"]
        )
    if job.currency is None or job.rates_file is None:
        return job
    exchange = Exchange.read(job.rates_file, job.currency.upper())
    return replace(job, options=replace(job.options or TextOptions(), exchange=exchange))


def given_twice(job: Job) -> list[str]:
    """What is wrong where a file is named more than once: its rows would count twice."""
    files = [*job.files, *(file for file in (job.cost_file, job.lift_file, job.map_file) if file is not None)]
    places = [file.resolve() for file in files]
    twice = dict.fromkeys(file for file, place in zip(files, places, strict=True) if places.count(place) > 1)
    return [f"FILE: {file} is given more than once; its rows would count as often" for file in twice]


def calibrated(
    models: "Sequence[AttributionModel]", paths: "Paths", tests: "Sequence[MeasuredLift]", file: Path | None
) -> "tuple[list[AttributionModel], tuple[str, ...]]":
    """Every model, calibrated by the lift tests in a file; and a note on each that credits nothing to a tested channel."""
    from attribution.model import credits_of
    from attribution.models.lift_calibrated import LiftCalibrated

    unknown = [
        f"{file and file.name}: {test.channel!r} is not a channel of the paths; {did_you_mean(test.channel, paths.channels)}"
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
    return bool(job.files) and all(SimulatedLog().recognises(open_table(file)) for file in job.files)


def read(job: Job, settings: "PathSettings") -> "Records | CountedPaths":
    """The rows of the data, or their paths where these are streamed."""
    from attribution.formats.records import DEFAULT_ACTION
    from attribution.formats.registry import read_data
    from attribution.paths.stream import stream_paths
    from cpalab.tables.databases import query_tables

    if job.stream:
        settings, _ = settings_for(job, settings)
        return stream_paths(*job.files, settings=settings, action=job.action or DEFAULT_ACTION, bad_rows=job.bad_rows)
    rows = [table for address in job.databases for table in query_tables(address, job.queries)]
    return read_data(
        *job.files, *rows, format=chosen_format(job), bad_rows=job.bad_rows, action=job.action, options=job.options
    )


def settings_for(job: Job, settings: "PathSettings") -> tuple["PathSettings", tuple[str, ...]]:
    """The path settings for these files, and a sentence where they differ from what the options say."""
    if job.direct is not None or not simulated(job):
        return settings, ()
    said = "Direct visits gave way to other touches, as in cpalab run; --direct kept counts them."
    return replace(settings, direct="ignored_unless_alone"), (said,)


def built(job: Job, given: Inputs) -> tuple["Paths", "Records | None", Any, tuple[str, ...], bool]:
    """The paths, the records behind them where there are any, the costs, what was left out, and whether values are known."""
    from attribution.formats.agreement import money_problems, order_notes, period_notes
    from attribution.formats.identities import people_notes
    from attribution.formats.records import CountedPaths

    settings, said = settings_for(job, given.settings)
    data: Records | CountedPaths = given.data
    notes: tuple[str, ...] = (*data.report.remarks(), *said)
    currencies, dropped, defects = data.report.currencies, data.report.dropped, data.report.defects
    if given.costs is not None:
        costs, report = given.costs
        data = replace(data, costs=costs)
        notes += report.remarks()
        currencies, dropped = currencies + report.currencies, dropped + report.dropped
        defects += report.defects
    refuse_emptiness(data, dropped, defects)
    if problems := money_problems(currencies):
        raise InvalidInputError(problems)
    data, spellings = with_one_spelling(given.names, data)
    notes += spellings
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
        return data.paths, None, data.costs, notes, data.has_value
    data = data.of_action(job.action)
    notes += people_notes(data.touches, data.conversions)
    notes += order_notes(data.touches, data.conversions, settings.lookback_days)
    if data.costs is not None:
        notes += period_notes(data.costs, data)
    return data.to_paths(settings), data, data.costs, notes, data.has_value


def chosen_format(job: Job) -> Any:
    """The format that was asked for; a separator alone asks for counted paths."""
    from attribution.formats.registry import load_format

    if job.separator is None:
        return job.format_name
    return load_format(job.format_name or "top_paths", separator=job.separator)


def refuse_emptiness(data: "Records | CountedPaths", dropped: int, defects: Sequence[Any]) -> None:
    """Refuse data of whose touches, conversions, paths or costs nothing is left.

    Raises:
        InvalidInputError: if every row was dropped.
    """
    from attribution.formats.records import CountedPaths

    held = (
        {"paths": len(data.paths) + data.paths.unattributed_conversions}
        if isinstance(data, CountedPaths)
        else {"touches": len(data.touches), "conversions": len(data.conversions)}
    )
    held |= {} if data.costs is None else {"costs": len(data.costs)}
    empty = [what for what, rows in held.items() if not rows]
    if empty and dropped:
        told = f"--bad-rows: {dropped:,} rows were malformed, so no {' and no '.join(empty)} are left; correct them"
        raise InvalidInputError([told, *map(str, defects)])


def with_one_spelling(
    rules: Sequence[tuple[str, str]] | None, data: "Records | CountedPaths"
) -> tuple[Any, tuple[str, ...]]:
    """The data with the channels that --map says, and one spelling of each channel; and what was joined."""
    from attribution.formats.agreement import channel_rows, mapped, renamed, spelt_alike
    from attribution.formats.records import CountedPaths

    def names() -> list[tuple[str, int]]:
        held = (
            [(name, 1) for name in data.paths.channels]
            if isinstance(data, CountedPaths)
            else channel_rows(data.touches)
        )
        return held + ([(name, 0) for name, _ in channel_rows(data.costs)] if data.costs is not None else [])

    notes: tuple[str, ...] = ()
    if rules is not None:
        found = mapped({name for name, _ in names()}, rules)
        known = {to for _, to in rules}
        left = sorted({name for name, _ in names()} - found.keys() - known)
        data = renamed(data, found)
        notes += (f"--map: {len(found):,} names are {len({*found.values()}):,} channels.",)
        if left:
            notes += (f"--map names no channel for {', '.join(map(repr, left[:8]))}{' …' if len(left) > 8 else ''}.",)
    alike, said = spelt_alike(names())
    return renamed(data, alike), notes + said


def read_map(file: Path, options: "TextOptions | None") -> list[tuple[str, str]]:
    """The rules of a file of two columns: a name or a pattern with *, and its channel."""
    from cpalab.tables.checked_columns import CheckedColumns
    from cpalab.tables.input_table import open_table

    source = open_table(file, options=options)
    if len(source.columns) != 2:
        raise InvalidInputError([f"{file.name}: holds {len(source.columns)} columns; give two, a name and its channel"])
    sieve = CheckedColumns(source.name, source.load())
    names, channels = (sieve.text(column, empty_is=None).to_pylist() for column in source.columns)
    return [(name, channel) for name, channel in zip(names, channels, strict=True) if name and channel]


def read_cost_file(job: Job) -> tuple[Any, Any]:
    """The table of costs, and what became of its rows."""
    from attribution.formats.event_tables import EventTables
    from attribution.formats.registry import KNOWN_COLUMNS, refuse_defects
    from cpalab.tables.input_table import open_table

    problems: list[str] = []
    source = open_table(job.cost_file, known=KNOWN_COLUMNS, options=job.options)
    costs, report = EventTables().read_costs(source, problems)
    if problems:
        raise InvalidInputError([*problems, *map(str, report.defects)])
    refuse_defects(report, job.bad_rows)
    return costs, report


def total_by_channel(costs: Any) -> dict[str, int]:
    """The cost in micros of every channel."""
    total: dict[str, int] = {}
    grouped = costs.group_by("channel").aggregate([("cost_micros", "sum")])
    for channel, cost in zip(grouped["channel"].to_pylist(), grouped["cost_micros_sum"].to_pylist(), strict=True):
        total[channel] = total.get(channel, 0) + cost
    return total


def credited(models: Sequence["AttributionModel"], paths: "Paths", job: Job, report: Report) -> "Sequence[Credit]":
    """The credits of all models, with intervals if they were asked for."""
    from experiments.cli.attribute.size_notes import size_notes

    for note in size_notes(models, paths, 1 + (job.intervals or 0)):
        click.echo(note, err=True)
    if job.intervals is None:
        from attribution.model import credits_of

        return credits_of(models, paths, progress=report)
    from attribution.bootstrap import bootstrap_credits

    draws = job.intervals

    def told(replicates: Iterable[Any]) -> Iterator[Any]:
        for done, replicate in enumerate(replicates):
            report("bootstrap", done / draws)
            yield replicate

    return bootstrap_credits(models, paths, seed=job.seed, replicates=draws, progress=told)
