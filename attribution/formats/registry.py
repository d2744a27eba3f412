"""`read_data` and `write_data`: files and data frames of any known format, detected or named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, get_args, runtime_checkable

from attribution.formats.records import CountedPaths, Records
from attribution.formats.writing import OutputTable
from attribution.paths.paths import Paths
from cpalab.plugins import Registry
from cpalab.refusal import InvalidInputError, did_you_mean
from cpalab.tables.input_table import InputTable, open_table
from cpalab.tables.report import BadRows
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
) -> Records | CountedPaths:
    """Read touches, conversions and costs, or counted paths, from files or data frames of one format.

    Args:
        inputs: paths of files or of folders of Parquet files; any data frames narwhals knows, Arrow tables or
            mappings of columns. Several of one format are read as one.
        format: a name, `name(option=value)`, a `module:Class` or a format; by default the first that recognises
            all inputs.
        bad_rows: malformed rows are refused, or dropped and counted in the report.
        most_bytes: text files larger than this are refused, because they are read into memory.

    Raises:
        InvalidInputError: if an input cannot be read, no format fits, or rows are malformed and `bad_rows` is
            "refuse"; names every defect with its line numbers.
    """
    if bad_rows not in get_args(BadRows):
        raise InvalidInputError([f"bad_rows: {bad_rows!r} is unknown; {did_you_mean(bad_rows, get_args(BadRows))}"])
    if not inputs:
        raise InvalidInputError(["inputs: none given; give a file or a data frame"])
    problems: list[str] = []
    sources = []
    for number, given in enumerate(inputs, 1):
        try:
            sources.append(open_table(given, place=f"table {number}", most_bytes=most_bytes))
        except InvalidInputError as error:
            problems += error.lines
    if problems:
        raise InvalidInputError(problems)
    chosen = detect_format(sources) if format is None else load_format(format)
    data = chosen.read(sources)
    if data.report.defects and bad_rows == "refuse":
        raise InvalidInputError(
            [f"{defect}; correct them, or drop malformed rows (--bad-rows drop)" for defect in data.report.defects]
        )
    return data


def write_data(data: Records | CountedPaths | Paths, format: str | Format, folder: Path | str) -> tuple[Path, ...]:
    """The paths of the files of a format, written into a folder.

    Args:
        data: records, counted paths or `Paths`.
        format: a format, or its name.
        folder: where the files go; made if need be.

    Raises:
        InvalidInputError: if the format cannot hold the data without loss.
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
    columns = "; ".join(f"{source.name} has {', '.join(source.columns[:8])}" for source in sources)
    known = "; ".join(f"{name}: {load_format(name).description}" for name in format_names())
    raise InvalidInputError([f"format: no format fits all of it: {columns}. Known formats: {known}"])


def _all_tables(sources: Sequence[InputTable]) -> bool:
    tables = load_format("tables")
    return all(tables.recognises(source) for source in sources)
