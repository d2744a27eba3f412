"""`read_data` and `write_data`: files and data frames of any known format, detected or named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, get_args, runtime_checkable

from attribution.formats.column_names import every_name
from attribution.formats.records import CountedPaths, Records
from attribution.formats.writing import OutputTable
from attribution.paths.paths import Paths
from cpalab.plugins import Registry
from cpalab.refusal import InvalidInputError, did_you_mean
from cpalab.tables.checked_columns import match_columns
from cpalab.tables.dialect import plain_name
from cpalab.tables.input_table import InputTable, TextOptions, open_table
from cpalab.tables.numerals import numeral
from cpalab.tables.report import BadRows, ReadReport
from cpalab.tables.text_files import MOST_BYTES

# In the order in which they are tried: the more particular first.
BUILT_IN: Mapping[str, str] = {
    "simulated_log": "attribution.formats.simulated_log:SimulatedLog",
    "ga4": "attribution.formats.ga4:GA4",
    "criteo": "attribution.formats.criteo:Criteo",
    "channelattribution": "attribution.formats.path_tables:ChannelAttributionFrame",
    "top_paths": "attribution.formats.path_tables:TopPaths",
    "snowplow_paths": "attribution.formats.snowplow_paths:SnowplowPaths",
    "sessions": "attribution.formats.sessions:Sessions",
    "snowplow": "attribution.formats.event_tables:Snowplow",
    "tables": "attribution.formats.event_tables:EventTables",
}


# Reports that hold no journeys, and what to bring instead; each by plain names of columns that only it has.
CREDITED = "has credited conversions and no paths; export Advertising > Attribution paths, or BigQuery"
COSTS_ALONE = "a report of costs; give it as --cost beside touches and conversions, or paths"
REPORTS = (
    (frozenset({"session primary channel group", "sessions"}), f"GA4's traffic acquisition {CREDITED}"),
    (frozenset({"session default channel group", "sessions"}), f"GA4's traffic acquisition {CREDITED}"),
    (frozenset({"default channel group", "key events"}), f"GA4's model comparison {CREDITED}"),
    (frozenset({"default channel group", "last click conversions"}), f"GA4's model comparison {CREDITED}"),
    (frozenset({"default channel group", "data driven conversions"}), f"GA4's model comparison {CREDITED}"),
    (
        frozenset({"channel transformed path", "source index"}),
        "Snowplow's channel_attributions has a row per touch; give paths_to_conversion",
    ),
    (frozenset({"campaign", "cost"}), COSTS_ALONE),
    (frozenset({"campaign name", "amount spent"}), COSTS_ALONE),
)

# What tells a header from the titles above it.
KNOWN_COLUMNS = every_name()


@runtime_checkable
class Format(Protocol):
    """A frozen object that knows one way to lay out data.

    Attributes:
        name: what the format is called.
        description: its columns in a few words.
    """

    name: Any
    description: Any

    def recognises(self, source: InputTable) -> bool:
        """Whether a source looks like this format, by its columns."""
        ...

    def read(self, sources: Sequence[InputTable]) -> Records | CountedPaths:
        """What the sources hold, without malformed rows, which the report names."""
        ...

    def tables(self, data: Any) -> tuple[OutputTable, ...]:
        """Records (or paths, for formats of counted paths) as the files of this format."""
        ...


FORMATS: Registry[Format] = Registry(
    kind="format",
    place="format",
    group="cpalab.attribution_formats",
    built_in=BUILT_IN,
    needs=("recognises(source)", "read(sources)", "tables(data)"),
    refusal=InvalidInputError,
)


def read_data(
    *inputs: Any,
    format: str | Format | None = None,
    bad_rows: BadRows = "refuse",
    most_bytes: int = MOST_BYTES,
    action: str | None = None,
    options: TextOptions | None = None,
) -> Records | CountedPaths:
    """Read touches, conversions and costs, or counted paths, from files or data frames of one format.

    Args:
        inputs: paths of files or of folders of Parquet files; any data frames narwhals knows, Arrow tables or
            mappings of columns. Several of one format are read as one.
        format: a name, `name(option=value)`, a `module:Class` or a format; by default the first that recognises
            all inputs.
        bad_rows: malformed rows are refused, or dropped and counted in the report.
        most_bytes: text files larger than this, compressed ones than a tenth of it when unfolded, are refused, because they
            are read into memory.
        action: which event is the conversion, in formats that must know (`conversion_events` of GA4).
        options: what is known of text files: encoding, decimal mark, order of day and month, words for missing names.

    Raises:
        InvalidInputError: if an input cannot be read, no format fits, or rows are malformed and `bad_rows` is
            "refuse"; names every defect with its line numbers.

    Example:
        >>> import pandas as pd
        >>> from cpalab import read_data
        >>> paths = pd.DataFrame({"path": ["search > email", "search"], "total_conversions": [3, 5]})
        >>> data = read_data(paths)
        >>> data.paths.channels
        ('email', 'search')
    """
    if bad_rows not in get_args(BadRows):
        raise InvalidInputError([f"bad_rows: {bad_rows!r} is unknown; {did_you_mean(bad_rows, get_args(BadRows))}"])
    if not inputs:
        raise InvalidInputError(["inputs: none given; give a file or a data frame"])
    problems: list[str] = []
    sources = []
    for number, given in enumerate(inputs, 1):
        try:
            sources.append(
                open_table(given, place=f"table {number}", most_bytes=most_bytes, known=KNOWN_COLUMNS, options=options)
            )
        except InvalidInputError as error:
            problems += error.lines
    if problems:
        raise InvalidInputError(problems)
    chosen = detect_format(sources) if format is None else load_format(format)
    if action is not None and action not in getattr(chosen, "conversion_events", (action,)):
        chosen = replace(chosen, conversion_events=(action,))  # type: ignore[type-var]
    data = chosen.read(sources)
    refuse_defects(data.report, bad_rows)
    return data


def refuse_defects(report: ReadReport, bad_rows: BadRows) -> None:
    """Refuse malformed rows, unless they are to be dropped and may be.

    Raises:
        InvalidInputError: with every broken rule.
    """
    refused = [defect for defect in report.defects if bad_rows == "refuse" or not defect.can_drop]
    if refused:
        drop = ", or drop malformed rows (--bad-rows drop)"
        raise InvalidInputError([f"{defect}; correct them{drop if defect.can_drop else ''}" for defect in refused])


def write_data(data: Records | CountedPaths | Paths, format: str | Format, folder: Path | str) -> tuple[Path, ...]:
    """The paths of the files of a format, written into a folder.

    Args:
        data: records, counted paths or `Paths`.
        format: a format, or its name.
        folder: where the files go; made if need be.

    Raises:
        InvalidInputError: if the format cannot hold the data without loss.

    Example:
        >>> import tempfile
        >>> from attribution import build_paths, write_data
        >>> touches = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
        >>> paths = build_paths(touches, {"user_id": ["ann"], "time": [2.5]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print([file.name for file in write_data(paths, "channelattribution", folder)])
        ['channelattribution.csv']
    """
    chosen = load_format(format)
    content = data.paths if isinstance(data, CountedPaths) else data
    counted = is_counted(chosen)
    if counted and isinstance(content, Records):
        content = content.of_action().to_paths(keep_journeys=False)
    if not counted and isinstance(content, Paths):
        names = ", ".join(name for name in BUILT_IN if is_counted(load_format(name)))
        raise InvalidInputError([f"{chosen.name}: needs touches with times, not counted paths; write {names}"])
    outputs = chosen.tables(content)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    return tuple(output.write(target) for output in outputs)


def is_counted(chosen: Format) -> bool:
    """Whether a format holds counted paths rather than touches with times."""
    from attribution.formats.path_tables import TopPaths
    from attribution.formats.snowplow_paths import SnowplowPaths

    return isinstance(chosen, TopPaths | SnowplowPaths)


def format_names() -> tuple[str, ...]:
    """The names of all formats: built in, and installed under this module's entry point group."""
    return FORMATS.names()


def load_format(given: Format | type | str, **options: Any) -> Format:
    """A format from its name, `name(option=value)`, `module:Class`, `FILE.py:Class`, its class or itself.

    Raises:
        InvalidInputError: if there is no such format, or it does not take these options.
    """
    return FORMATS.find(given, **options)


def detect_format(sources: Sequence[InputTable]) -> Format:
    """The first format that recognises every source.

    Raises:
        InvalidInputError: if none does, with the columns each format needs.
    """
    for name in FORMATS.each_name():
        chosen = load_format(name)
        recognised = [chosen.recognises(source) for source in sources]
        if all(recognised) or (name == "snowplow" and any(recognised) and _all_tables(sources)):
            return chosen
    raise InvalidInputError(["format: no format fits all of it; --formats lists them", *map(_nearest, sources)])


def _nearest(source: InputTable) -> str:
    """What a source holds, what it could be, and what it lacks for that."""
    held = {plain_name(name) for name in source.columns}
    shown = f"{source.name} has {', '.join(source.columns[:8])}{' …' if len(source.columns) > 8 else ''}"
    if (report := next((told for words, told in REPORTS if words <= held), None)) is not None:
        return f"{shown}: {report}"
    layouts = [
        (name, table, match_columns(source, columns, [])[0], [n for n, column in columns.items() if column.required])
        for name in FORMATS.built_in
        for table, columns in getattr(load_format(name), "layout", {}).items()
    ]
    name, table, found, needed = max(layouts, key=lambda row: (sum(n in row[2] for n in row[3]), -len(row[3])))
    if not any(need in found for need in needed):
        is_row = any(numeral(name) for name in source.columns)
        hint = "; its first line is a row, so put a header above it, such as path,conversions" if is_row else ""
        return f"{shown}: nothing that any format needs{hint}"
    lacking = ", ".join(need for need in needed if need not in found)
    have = ", ".join(f"{column!r} is its {ours}" for ours, column in found.items())
    return f"{shown}: nearest is {name}{f' ({table})' if table else ''}, which lacks {lacking or 'a table beside it'}; {have}"


def format_lines() -> list[str]:
    """Every format as it is written with its options, and below what it is, its columns, and one line of example."""
    lines = []
    for written, purpose in FORMATS.lines():
        lines += [written, f"    {purpose}"]
        chosen = load_format(written.partition("(")[0])
        lines.append(f"    {chosen.description}")
        for table, columns in getattr(chosen, "layout", {}).items():
            needed = ", ".join(name for name, column in columns.items() if column.required)
            perhaps = ", ".join(name for name, column in columns.items() if not column.required)
            lines.append(
                f"    {table + ': ' if table else ''}required {needed or 'nothing'}; optional {perhaps or 'nothing'}"
            )
        lines += [f"    example: {chosen.example}"] if hasattr(chosen, "example") else []
    return lines


def _all_tables(sources: Sequence[InputTable]) -> bool:
    tables = load_format("tables")
    return all(tables.recognises(source) for source in sources)
