"""Paths: places in a scenario written as dotted words, such as `channels.social.campaigns.main.bid` or `funnel.0.rate`."""

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from cpalab.refusal import Problem, did_you_mean
from simulator.scenario.schema import Scenario
from simulator.scenario.tracking import Utm


def keys_at(location: Sequence[str]) -> list[str]:
    """The keys that the schema knows at a place; empty where it knows none or where names are free."""
    kind = _type_at(location)
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def with_defaults(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of a scenario, right or wrong, as a copy in which every default is written out."""
    completed: dict[str, Any] = _completed(tables, Scenario)
    return completed


def _completed(value: Any, kind: Any) -> Any:
    kind = _plain(kind)
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        given = {key: _completed(own, fields[key].annotation if key in fields else None) for key, own in value.items()}
        left_out = {key: field for key, field in fields.items() if key not in value and not field.is_required()}
        return given | {key: _completed(field.get_default(), field.annotation) for key, field in left_out.items()}
    if isinstance(value, Mapping):
        of = get_args(kind)[1] if get_origin(kind) is dict else None
        return {key: _completed(own, of) for key, own in value.items()}
    if isinstance(value, list):
        of = get_args(kind)[0] if get_origin(kind) is list else None
        return [_completed(own, of) for own in value]
    return value


def set_value(tables: dict[str, Any], path: str, value: Any) -> Problem | None:
    """Set one value in the complete tables of a scenario (see `with_defaults`); the problem if there is no such place.

    Keys that the schema does not know and names that the scenario does not have are refused, so that a slip of the
    pen cannot create a new channel. Only mappings of numbers (`synergy`) and of UTM parameters take new names, and
    processes the parameters that are theirs.
    """
    parts = path.split(".")
    here: Any = tables
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        place = ".".join(parts[: depth + 1])
        if isinstance(here, list):
            if not part.isdigit() or int(part) >= len(here):
                return Problem(place, f"is no entry of a list of {len(here)}", hint="entries count from 0")
            key: Any = int(part)
        elif isinstance(here, dict):
            if part in keys_at(parts[:depth]):
                here.setdefault(part, {})  # needed, and missing in the file
            elif part not in here and not (last and _takes_new_names(parts[:depth])):
                return Problem(place, "unknown key", hint=did_you_mean(part, here))
            key = part
        else:
            return Problem(place, "is inside a plain value", hint=f"set {'.'.join(parts[:depth])} itself")
        if last:
            here[key] = value
        else:
            here = here[key]
    return None


def _takes_new_names(location: Sequence[str]) -> bool:
    kind = _type_at(location)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_config.get("extra") == "allow"
    return get_origin(kind) is dict and _plain(get_args(kind)[1]) in (float, Utm)


def _type_at(location: Sequence[str]) -> Any:
    kind: Any = Scenario
    for part in location:
        kind = _plain(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(part)
            if field is None:
                return None
            kind = field.annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) is list:
            kind = get_args(kind)[0]
        else:
            return None
    return _plain(kind)


def _plain(kind: Any) -> Any:
    """The type without its constraints and without None."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, types.UnionType):
            kind = next(option for option in get_args(kind) if option is not type(None))
        else:
            return kind
