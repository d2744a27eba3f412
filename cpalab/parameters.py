"""Parameters of a plug-in: read from `name(parameter=value, …)`, and checked against the class's own annotations."""

import ast
import dataclasses
import inspect
import math
import numbers
import sys
import types
import typing
import warnings
from collections.abc import Mapping, Sequence, Set
from typing import Any, Literal, Union

from cpalab.refusal import Problem, did_you_mean

__all__ = ["checked_parameters", "shown_parameters", "split_call", "type_problem"]

SHOWN = 60  # characters of a value in a refusal


def split_call(text: str, place: str) -> tuple[str, dict[str, Any], list[Problem]]:
    """The name and the parameters of `name` or `name(parameter=value, …)`, and what is wrong with them.

    Values are Python's literals, and `inf`. Nothing is run.
    """
    file_name, ends_as_file, _ = text.partition(".py:")  # a path may hold brackets itself
    start = text.find("(", len(file_name) if ends_as_file and not {"'", '"'} & set(file_name) else 0)
    if start < 0:
        return text.strip(), {}, []
    name = text[:start].strip()
    unreadable = Problem(place, "is not readable", _short(text), "write name(parameter=value)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes and the like in what was typed
            call = ast.parse(f"f{text[start:].strip()}", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
            return name, {}, [unreadable]
        words = [str(word.arg) for word in call.keywords]
        values = [ast.literal_eval(_Infinite().visit(word.value)) for word in call.keywords]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return name, {}, [unreadable]
    if None in [word.arg for word in call.keywords]:
        return name, {}, [unreadable]
    problems = [
        Problem(f"{name}.{word}", "is given twice; write it once")
        for word in dict.fromkeys(words)
        if words.count(word) > 1
    ]
    return name, dict(zip(words, values, strict=True)), problems


class _Infinite(ast.NodeTransformer):
    """`inf` and `math.inf` as numbers; a number too large to hold is none."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """The name `inf` as a number."""
        return ast.Constant(math.inf) if node.id == "inf" else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`math.inf` as a number."""
        is_inf = isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("math", "inf")
        return ast.Constant(math.inf) if is_inf else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """A number as it is; 1e400, which would be read as infinite, is refused."""
        if isinstance(node.value, float) and math.isinf(node.value):
            raise ValueError("a number too large to hold")
        return node


def checked_parameters(
    label: str, kind: str, made: Any, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The parameters as the class takes them, and what is wrong with them: unknown, missing, or of another type.

    Args:
        label: what the class was called by; problems are placed at `label.parameter`.
        kind: what it is, in words: model, format …
        made: a class, or an object of a dataclass that is to be changed: then no parameter is missing.
        given: value by name.
    """
    of_class = made if inspect.isclass(made) else type(made)
    try:
        known = inspect.signature(of_class).parameters
    except (TypeError, ValueError):  # a class of C that tells no signature
        known = types.MappingProxyType({})
    anything = any(one.kind is one.VAR_KEYWORD for one in known.values())
    named = {name: one for name, one in known.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    problems = [
        Problem(f"{label}.{word}", f"is not a parameter of this {kind}", hint=did_you_mean(word, named))
        for word in given
        if word not in named and not anything
    ]
    if inspect.isclass(made):
        problems += [
            Problem(f"{label}.{word}", "is missing, and has no default", hint="declare it")
            for word, one in named.items()
            if one.default is one.empty and word not in given
        ]
    hints = _annotations(of_class)
    taken: dict[str, Any] = {}
    for word, value in given.items():
        hint = hints.get(word, Any)
        taken[word] = _as_tuples(value, hint)
        wrong = type_problem(f"{label}.{word}", taken[word], hint)
        problems += [wrong] if wrong else []
    return taken, problems


def type_problem(place: str, value: Any, annotation: Any) -> Problem | None:
    """What is wrong with a value that shall be of an annotated type; None where it is."""
    if _fits(value, annotation):
        return None
    return Problem(place, f"must be {_in_words(annotation)}", _short(value), _advice(annotation))


def shown_parameters(made: Any) -> str:
    """The parameters of a dataclass's object that are not its defaults, as typed: `half_life_days=3`; else nothing."""
    parts = []
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.init and field.repr and not (default is not dataclasses.MISSING and _same(value, default)):
            parts.append(f"{field.name}={_typed(value)}")
    return ", ".join(parts)


def _same(value: Any, other: Any) -> bool:
    try:
        return bool(value == other)
    except (TypeError, ValueError):  # arrays, which are equal element by element
        return False


def _typed(value: Any) -> str:
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, numbers.Real):
        return repr(float(value)).removesuffix(".0") if not isinstance(value, numbers.Integral) else str(int(value))
    if isinstance(value, tuple):
        return f"({', '.join(map(_typed, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_typed(key)}: {_typed(one)}' for key, one in value.items())}}}"
    return repr(value)


def _annotations(of_class: type) -> dict[str, Any]:
    """The type of every parameter; any type where an annotation cannot be read (imported for type checkers only)."""
    found: dict[str, Any] = {}
    sources = [vars(base).get("__annotations__", {}) for base in reversed(of_class.__mro__)]
    modules = [base.__module__ for base in reversed(of_class.__mro__)]
    if not dataclasses.is_dataclass(of_class):
        made = getattr(of_class, "__init__", None)
        sources, modules = [getattr(made, "__annotations__", {})], [getattr(made, "__module__", "")]
    for annotations, module in zip(sources, modules, strict=True):
        names = vars(sys.modules[module]) if module in sys.modules else {}
        for name, annotation in annotations.items():
            holder = type("Holder", (), {"__annotations__": {name: annotation}})
            try:
                found[name] = typing.get_type_hints(holder, globalns=dict(names))[name]
            except Exception:  # an annotation is any expression: where it cannot be read, the value is not judged
                found[name] = Any
    return found


def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    if isinstance(hint, typing.NewType):
        return _parts(hint.__supertype__)
    return typing.get_origin(hint) or hint, typing.get_args(hint)


def _fits(value: Any, hint: Any) -> bool:  # noqa: PLR0911 - one line per kind of annotation
    origin, inner = _parts(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin is None or origin is type(None):
        return value is None
    if origin is bool:
        return isinstance(value, bool)
    if origin in (int, float):
        return _is_number(value, whole=origin is int)
    if not inspect.isclass(origin):
        return True
    if issubclass(origin, tuple) and inner and inner[-1] is not Ellipsis:
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(_fits, value, inner))
    if issubclass(origin, Mapping):
        keys, values = inner or (Any, Any)
        return isinstance(value, Mapping) and all(_fits(k, keys) and _fits(v, values) for k, v in value.items())
    if issubclass(origin, Sequence | Set) and not issubclass(origin, str | bytes):
        if not isinstance(value, origin) or isinstance(value, str | bytes):
            return False
        return not inner or all(_fits(one, inner[0]) for one in value)
    try:
        return isinstance(value, origin)
    except TypeError:  # a protocol that is not made to be asked
        return True


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral if whole else numbers.Real):
        return False
    try:
        return not math.isnan(float(value))
    except OverflowError:
        return False


def _as_tuples(value: Any, hint: Any) -> Any:
    """A list as the tuple that the annotation asks for, also inside: what is typed [a, b] and (a, b) is the same."""
    origin, inner = _parts(hint)
    if origin in (Union, types.UnionType):
        options = [_as_tuples(value, one) for one in inner]
        return next((option for option, one in zip(options, inner, strict=True) if _fits(option, one)), value)
    if origin is not tuple or not isinstance(value, list | tuple):
        return value
    each = inner if inner and inner[-1] is not Ellipsis else (inner[0] if inner else Any,) * len(value)
    if len(each) != len(value):
        return value
    return tuple(_as_tuples(one, own) for one, own in zip(value, each, strict=True))


def _in_words(hint: Any) -> str:
    origin, inner = _parts(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_in_words, inner)))
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    plain: dict[Any, str] = {
        bool: "True or False",
        int: "a whole number",
        float: "a number",
        str: "text",
        bytes: "bytes",
        type(None): "None",
    }
    if origin in plain:
        return plain[origin]
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        keys, values = inner or (Any, Any)
        return f"a mapping from {_in_words(keys)} to {_in_words(values)}"
    if inspect.isclass(origin) and issubclass(origin, Sequence | Set):
        if issubclass(origin, tuple) and inner and inner[-1] is not Ellipsis:
            return f"({', '.join(map(_in_words, inner))})"
        return f"a list, each {_in_words(inner[0])}" if inner else "a list"
    return f"of type {getattr(origin, '__name__', origin)}"


def _advice(hint: Any) -> str:
    origin, inner = _parts(hint)
    if inspect.isclass(origin) and issubclass(origin, Sequence) and inner and inner[0] is str:
        return 'write ("a",) for one of them, ("a", "b") for two'
    return ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
