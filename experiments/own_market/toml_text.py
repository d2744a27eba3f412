"""Tables as TOML text, one key per line, nested tables under their dotted names."""

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["toml_text"]


def toml_text(tables: Mapping[str, Any]) -> str:
    """The text of a TOML file that reads back as these tables: words, numbers, flags, lists and tables of them."""
    lines: list[str] = []
    _write(tables, (), lines)
    return "\n".join(lines).strip() + "\n"


def _write(table: Mapping[str, Any], place: tuple[str, ...], lines: list[str]) -> None:
    plain = {k: v for k, v in table.items() if not _is_table(v) or _is_small(v)}
    nested = {k: v for k, v in table.items() if k not in plain}
    if place and (plain or not nested):
        lines += ["", f"[{'.'.join(map(_key, place))}]"]
    lines += [f"{_key(name)} = {_value(value)}" for name, value in plain.items()]
    for name, value in nested.items():
        _write(value, (*place, name), lines)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_small(table: Mapping[str, Any]) -> bool:
    """Whether a table fits on one line: a few plain values."""
    return 0 < len(table) <= 4 and not any(isinstance(value, Mapping | list) for value in table.values())


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(entry)}" for name, entry in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(float(value))
    return json.dumps(value, ensure_ascii=False)
