"""One way to plug in: a registry of models, formats, geo methods or designs, built in, installed or one's own."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from cpalab.own_code import OwnCodeError, load_own_code
from cpalab.parameters import checked_parameters, shown_parameters, split_call
from cpalab.refusal import Problem, Refused, did_you_mean

__all__ = ["NameWithParameters", "Registry"]

Plugin = TypeVar("Plugin")


@dataclass(frozen=True)
class Registry(Generic[Plugin]):
    """Everything of one kind that can be asked for: by name, by `module:Name` or `FILE.py:Name`, or as an object.

    A plug-in is an object with a `name` and the methods of `needs`; a class is made into one. Names are those of `built_in`
    and those that installed packages give in the entry point group; a built-in name cannot be taken. All of them take
    parameters: `markov(order=2)`, `./mine.py:MyModel(share=0.5)`.

    Attributes:
        kind: what it is, in words: model, format, geo method …
        place: what an argument of this kind is called where it is refused.
        group: of entry points.
        built_in: module and object of each name, in the order in which they are listed.
        needs: the methods that each must have, with their arguments: `fit(paths)`.
        refusal: what is raised.
    """

    kind: str
    place: str
    group: str
    built_in: Mapping[str, str]
    needs: tuple[str, ...]
    refusal: type[Refused]

    def names(self) -> tuple[str, ...]:
        """All names, the built-in ones first; entry points of a name that is built in are not among them."""
        return tuple(self.each_name())

    def each_name(self) -> Iterator[str]:
        """The names one by one; those of installed packages are looked up when the built-in ones are through."""
        yield from self.built_in
        yield from self._installed()

    def lines(self) -> list[tuple[str, str]]:
        """Each as it is written with its defaults, `time_decay(half_life_days=7.0)`, and the first line of its docstring.

        A parameter without a default stands with `…`. An installed one that cannot be loaded says why.
        """
        lines = []
        for name in self.names():
            try:
                found = self.load(name)
            except Refused as error:
                lines.append((name, f"{error.problems[0].rule}"))
                continue
            text = (inspect.getdoc(found) or "").partition("\n")[0]
            lines.append((f"{name}({', '.join(_defaults(found))})" if _defaults(found) else name, text))
        return lines

    def find(self, given: Plugin | type | str, **parameters: Any) -> Plugin:
        """The object that is meant by an object, a class, a name, or a name with parameters in brackets.

        Args:
            given: what was asked for.
            parameters: further ones, or changes of an object that is a dataclass.

        Raises:
            Refused: of the kind `refusal`: there is none of this name, its code cannot be loaded, it is of another kind, or
                does not take these parameters; all problems at once.
        """
        if not isinstance(given, str):
            label = given.__name__ if inspect.isclass(given) else getattr(given, "name", type(given).__name__)
            return self._made(str(label), given, parameters)
        name, typed, problems = split_call(given, self.place)
        problems += [Problem(f"{name}.{word}", "is given twice; write it once") for word in parameters if word in typed]
        if problems:
            raise self.refusal(problems)
        return self._made(name, self.load(name), typed | parameters)

    def find_all(self, given: Iterable[Plugin | type | str]) -> tuple[Plugin, ...]:
        """The objects that are meant, in the order given.

        Raises:
            Refused: of the kind `refusal`, with what is wrong with each, where one is given twice, and where a text or one
                object alone is given in place of a list.
        """
        many = f"{self.place}s"
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise self.refusal([Problem(many, f"must be a list of {self.kind}s", repr(given), f"write [{given!r}]")])
        found: list[Plugin] = []
        problems: list[Problem] = []
        for one in given:
            try:
                found.append(self.find(one))
            except Refused as error:
                problems += error.problems
        if not found and not problems:
            problems.append(Problem(many, "must name at least one", hint=did_you_mean("", self.names())))
        names = [str(getattr(one, "name", one)) for one in found]
        problems += [
            Problem(many, "is given more than once", repr(name), "leave one out, or give it other parameters")
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        if problems:
            raise self.refusal(problems)
        return tuple(found)

    def load(self, name: str) -> Any:
        """What stands under a name: a class or an object."""
        try:
            if name in self.built_in:
                return load_own_code(self.built_in[name], current_folder=False)
            if ":" in name:
                return load_own_code(name)
            if (installed := self._installed().get(name)) is not None:
                return load_own_code(installed.value.partition("[")[0].strip(), current_folder=False)
        except OwnCodeError as error:
            raise self.refusal([Problem(self.place, error.rule, repr(name), error.hint)]) from error
        hint = f"write {name}:Name" if name.endswith(".py") else did_you_mean(name, self.names())
        raise self.refusal([Problem(self.place, "is unknown", repr(name), hint)])

    def _made(self, label: str, found: Any, parameters: Mapping[str, Any]) -> Plugin:
        """The object itself, with its parameters."""
        missing = [need for need in self.needs if not callable(getattr(found, need.partition("(")[0], None))]
        if missing or inspect.ismodule(found) or (not inspect.isclass(found) and not self._named(found)):
            needed = " and ".join(f"`{need}`" for need in ("name", *self.needs))
            rule = f"is no {self.kind}: it has no {needed}"
            raise self.refusal([Problem(self.place, rule, repr(label), "give a class or an object that has them")])
        if inspect.isclass(found) or parameters:
            taken, problems = checked_parameters(label, self.kind, found, parameters)
            if not inspect.isclass(found) and not is_dataclass(found) and not problems:
                problems = [Problem(label, "takes no parameters: it is an object, not a class")]
            if problems:
                raise self.refusal(problems)
            try:
                found = found(**taken) if inspect.isclass(found) else replace(found, **taken)
            except Refused as error:
                # A value is refused by the name of the parameter alone.
                raise self.refusal([_placed(problem, label, parameters) for problem in error.problems]) from error
            except Exception as error:  # a stranger's class may raise anything
                rule = f"cannot be made ({type(error).__name__}: {error})"
                raise self.refusal([Problem(self.place, rule, repr(label))]) from error
        if not self._named(found):
            raise self.refusal([Problem(self.place, "has no `name`", repr(label), "give it a name, which is text")])
        return cast(Plugin, found)

    @staticmethod
    def _named(found: Any) -> bool:
        name = getattr(found, "name", None)
        return isinstance(name, str) and bool(name)

    def _installed(self) -> dict[str, EntryPoint]:
        """The entry points of other distributions; built-in names cannot be taken."""
        return {point.name: point for point in entry_points(group=self.group) if point.name not in self.built_in}


def _placed(problem: Problem, label: str, parameters: Mapping[str, Any]) -> Problem:
    inside = problem.place.partition("[")[0].partition(".")[0]
    return replace(problem, place=f"{label}.{problem.place}") if inside in parameters else problem


def _defaults(found: Any) -> list[str]:
    """`parameter=default` of each parameter of a class."""
    if not inspect.isclass(found):
        return []
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return []
    return [f"{parameter.name}={_default(parameter)}" for parameter in parameters]


def _default(parameter: inspect.Parameter) -> str:
    """The default of a parameter as it is typed; a default that is made anew each time is empty."""
    if parameter.default is parameter.empty:
        return "…"
    text = repr(parameter.default)
    return "{}" if text.startswith("<") else text


class NameWithParameters:
    """A class's name, and an object's name with the parameters that are not the defaults: `time_decay(half_life_days=3)`.

    Two objects of a class that differ are so told apart wherever results are shown. For frozen dataclasses:

        name: ClassVar[NameWithParameters] = NameWithParameters("time_decay")
    """

    def __init__(self, name: str) -> None:
        self.plain = name

    def __get__(self, instance: object, owner: type) -> str:
        """The plain name of the class; the full name of an object."""
        if instance is None:
            return self.plain
        shown = shown_parameters(instance)
        return f"{self.plain}({shown})" if shown else self.plain
