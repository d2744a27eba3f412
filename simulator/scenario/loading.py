"""Loading: a scenario from a preset's name, a TOML file or a mapping, with overrides."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from cpalab.number_text import number_of
from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.scenario.dotted_places import set_value, with_defaults
from simulator.scenario.rules.validation import validate
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import versions

DEFAULT_PRESET = "dtc-apparel"
EXTENDS = "extends"
MOST_BYTES = 5_000_000


def load_scenario(
    source: str | Path | Mapping[str, Any] = DEFAULT_PRESET, overrides: Mapping[str, Any] | None = None
) -> Scenario:
    """The validated scenario of a preset's name, a TOML file's path, or a mapping of the same shape.

    `extends = "NAME"` at the top of a file or mapping begins from another scenario (a preset, or a file beside it): its
    own tables are laid over the other's, key by key; a list replaces the other's list.

    Args:
        source: the name of a preset, the path of a TOML file, or a mapping.
        overrides: values by dotted path, such as `{"run.users": 5000}`.

    Raises:
        ScenarioError: with every problem found, each as place, value, rule and hint.

    Example:
        >>> from simulator import load_scenario
        >>> load_scenario("dropshipping", {"run.users": 5000}).run.users
        5000
    """
    tables = _extended(source)
    problems = []
    if overrides:
        # Before any value is judged: an override may mend what is wrong in the file.
        tables = with_defaults(tables)
        problems = [found for path, value in overrides.items() if (found := set_value(tables, path, value))]
    try:
        scenario = validate(tables)
    except ScenarioError as error:
        raise ScenarioError([*problems, *error.problems]) from None
    if problems:
        raise ScenarioError(problems)
    versions(scenario)
    return scenario


def presets() -> dict[str, Path]:
    """The scenarios that come with cpalab: name → TOML file."""
    return {path.stem: path for path in sorted(_scenarios().glob("*.toml"))}


def literature() -> dict[str, Path]:
    """The scenarios of published results, each a preset with few changes and its source in the file: name → TOML file."""
    return {path.stem: path for path in sorted((_scenarios() / "literature").glob("*.toml"))}


def _scenarios() -> Path:
    installed = Path(str(resources.files("simulator"))) / "scenario" / "presets"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "data" / "scenarios"


def source_text(source: str | Path) -> str:
    """The TOML text of a preset's name, that of a scenario of the literature, or a file's path.

    Raises:
        ScenarioError: there is no such preset or file, or it cannot be read as text.
    """
    known = presets() | literature()
    path = known.get(str(source), Path(source))
    try:
        if path.stat().st_size > MOST_BYTES:
            rule = f"must have at most {MOST_BYTES:,} bytes"
            raise ScenarioError(
                [Problem(str(source), rule, f"{path.stat().st_size:,}", "a scenario is a short TOML file")]
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        rule = "no such file, and no scenario of this name comes with cpalab"
        raise ScenarioError([Problem(str(source), rule, hint=did_you_mean(str(source), known))]) from None
    except UnicodeDecodeError:
        raise ScenarioError([Problem(str(source), "is not UTF-8 text", hint="a scenario is a TOML file")]) from None
    except OSError as error:
        raise ScenarioError([Problem(str(source), f"cannot be read ({error.strerror})")]) from None


def parse_override(text: str) -> tuple[str, Any]:
    """`path.to.key=value` as a path and a TOML value; words that are no TOML value are taken as a string.

    Numbers are read as every option of the command reads them (`cpalab.number_text`).

    Raises:
        ScenarioError: there is no `=` or no path.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ScenarioError([Problem("--set", "must look like path.to.key=value", repr(text))])
    number = number_of(value)
    if number is not None:
        return path.strip(), number
    try:
        table = parse_toml(f"value = {value}", f"--set {path.strip()}")
    except tomllib.TOMLDecodeError:
        return path.strip(), value.strip()
    # A line break in the value could begin another key: then it is text.
    found = table["value"] if len(table) == 1 else value.strip()
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return path.strip(), value.strip() if is_number else found


def parse_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Several overrides, as `load_scenario` takes them; of two for the same path the last counts.

    Raises:
        ScenarioError: naming every one that has no `=` or no path.
    """
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    for text in texts:
        try:
            path, value = parse_override(text)
            given[path] = value
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return given


def parse_toml(text: str, place: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        TOMLDecodeError: it is no TOML.
        ScenarioError: brackets are nested too deeply, or a whole number has thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ScenarioError([Problem(place, "is nested too deeply", hint="no table is more than ten deep")]) from None
    except ValueError as error:
        if isinstance(error, tomllib.TOMLDecodeError):
            raise
        raise ScenarioError([Problem(place, "holds a whole number with too many digits")]) from None


def _extended(source: str | Path | Mapping[str, Any], seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """The tables of a scenario, laid over those of the one that it extends.

    Raises:
        ScenarioError: it extends itself, or what it extends cannot be read.
    """
    tables = dict(_parse(source) if isinstance(source, str | Path) else source)
    base = tables.pop(EXTENDS, None)
    if base is None:
        return tables
    if not isinstance(base, str):
        raise ScenarioError([Problem(EXTENDS, "must be the name of a scenario or a file", repr(base))])
    beside = Path(source).parent / base if isinstance(source, str | Path) and base not in presets() else Path(base)
    name = str(beside)
    if name in seen or name == str(source):
        raise ScenarioError([Problem(EXTENDS, "leads back to a scenario that is being read", repr(base))])
    return _laid_over(_extended(name, (*seen, str(source), name)), tables)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The values of both, table by table; where both have one, that of `above`."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both_are_tables = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[key] = _laid_over(under, value) if both_are_tables else value  # type: ignore[arg-type]
    return merged


def _parse(source: str | Path) -> dict[str, Any]:
    try:
        return parse_toml(source_text(source), str(source))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([Problem(str(source), f"is not TOML: {error}")]) from None
