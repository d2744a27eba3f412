"""One loader for everything that plugs in: names, parameters, entry points, own code; mistakes are answered in words."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest

from cpalab.plugins import NameWithParameters, Registry
from cpalab.refusal import InvalidInputError

REGISTRY = Registry(
    kind="brew",
    place="brew",
    group="cpalab.brews_that_nobody_installs",
    built_in={"tea": f"{__name__}:Tea", "coffee": f"{__name__}:COFFEE"},
    needs=("brew(water)",),
    refusal=InvalidInputError,
)


@dataclass(frozen=True)
class Tea:
    """Leaves in water."""

    name: ClassVar[NameWithParameters] = NameWithParameters("tea")
    minutes: float = 3.0
    leaves: int = 2
    kind: Literal["green", "black"] = "black"
    with_milk: bool = False
    herbs: tuple[str, ...] = ()
    grams: Mapping[str, float] = field(default_factory=dict)
    pairs: tuple[tuple[str, int], ...] = ()
    label: str | None = None

    def __post_init__(self):
        if not self.minutes > 0:
            raise InvalidInputError([f"minutes: {self.minutes} must be above 0"])

    def brew(self, water):
        """Brew."""


@dataclass(frozen=True)
class Coffee:
    """Beans in water."""

    beans: int
    name: str = "coffee"

    def brew(self, water):
        """Brew."""


COFFEE = Coffee(7)
MINE = '''
"""My own."""
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Mine:
    share: float = 0.5
    name: str = "{name}"

    def brew(self, water):
        """Brew."""

OBJECT = Mine(0.25)
'''


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """This module by the name under which the registry looks for it."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or sys.modules[Tea.__module__])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder that nothing was loaded from before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    return tmp_path


def problems_of(given, **parameters):
    with pytest.raises(InvalidInputError) as refusal:
        REGISTRY.find(given, **parameters)
    return refusal.value.lines


@pytest.mark.parametrize("given", ["tea", " tea ", "tea()", Tea, Tea(), "tea(minutes=3)"])
def test_an_object_is_meant_by_itself_its_class_its_name_or_its_name_with_parameters(given):
    assert REGISTRY.find(given) == Tea()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("tea(minutes=5)", Tea(minutes=5)),
        ("tea( minutes = 0.5 , kind = 'green' )", Tea(0.5, kind="green")),
        ("tea(minutes=inf)", Tea(float("inf"))),
        ("tea(minutes=math.inf)", Tea(float("inf"))),
        ('tea(herbs=("mint", "sage"))', Tea(herbs=("mint", "sage"))),
        ('tea(herbs=["mint", "sage"])', Tea(herbs=("mint", "sage"))),
        ("tea(herbs=())", Tea()),
        ("tea(pairs=[['a', 1], ('b', 2)])", Tea(pairs=(("a", 1), ("b", 2)))),
        ("tea(grams={'mint': 2})", Tea(grams={"mint": 2})),
        ("tea(label=None, with_milk=True)", Tea(with_milk=True)),
        ("coffee", Coffee(7)),
        ("coffee(beans=9)", Coffee(9)),
    ],
)
def test_parameters_are_read_from_brackets(given, meant):
    assert REGISTRY.find(given) == meant


def test_parameters_may_be_given_as_such_and_change_an_object():
    assert REGISTRY.find("tea", minutes=4) == REGISTRY.find(Tea, minutes=4) == REGISTRY.find(Tea(4)) == Tea(4)
    assert REGISTRY.find(Tea(4), leaves=3) == REGISTRY.find("tea(minutes=4)", leaves=3) == Tea(4, 3)
    assert problems_of("tea(minutes=4)", minutes=5) == ("tea.minutes: is given twice; write it once",)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ("minutes='x'", "tea.minutes: 'x' must be a number"),
        ("minutes=[1]", "tea.minutes: [1] must be a number"),
        ("minutes=b'3'", "tea.minutes: b'3' must be a number"),
        ("minutes=None", "tea.minutes: None must be a number"),
        ("minutes=True", "tea.minutes: True must be a number"),
        ("minutes=2j", "tea.minutes: 2j must be a number"),
        (f"minutes={10**400}", "tea.minutes: 1000"),
        ("leaves=2.5", "tea.leaves: 2.5 must be a whole number"),
        ("leaves='2'", "tea.leaves: '2' must be a whole number"),
        ("kind='white'", "tea.kind: 'white' must be one of green, black"),
        ("kind=['green']", "tea.kind: ['green'] must be one of green, black"),
        ("with_milk=1", "tea.with_milk: 1 must be True or False"),
        ("herbs='mint'", "tea.herbs: 'mint' must be a list, each text; write (\"a\",) for one of them"),
        ("herbs=('mint')", "tea.herbs: 'mint' must be a list, each text"),
        ("herbs=(1,)", "tea.herbs: (1,) must be a list, each text"),
        ("pairs=(('a',),)", "tea.pairs: (('a',),) must be a list, each (text, a whole number)"),
        ("grams={'mint': 'two'}", "tea.grams: {'mint': 'two'} must be a mapping from text to a number"),
        ("grams=[1]", "tea.grams: [1] must be a mapping from text to a number"),
        ("label=7", "tea.label: 7 must be text or None"),
        ("sugar=1", "tea.sugar: is not a parameter of this brew"),
        ("minuts=1", "did you mean minutes?"),
        ("minutes=-1", "tea.minutes: -1 must be above 0"),
        ("minutes=1, minutes=2", "tea.minutes: is given twice; write it once"),
        ("name='x'", "tea.name: is not a parameter of this brew"),
        ("1", "is not readable; write name(parameter=value)"),
        ("**{'minutes': 1}", "is not readable"),
        ("minutes=__import__('os')", "is not readable"),
        ("minutes=1e400", "is not readable"),
        ("minutes=" + "(" * 3000, "is not readable"),
        ("minutes=[" * 500 + "]" * 500, "is not readable"),
        ("minutes={[]: 1}", "is not readable"),
        ("minutes=\0", "is not readable"),
        ("minutes=1)(", "is not readable"),
    ],
)
def test_parameters_of_another_type_are_refused_in_words(parameters, problem):
    assert any(problem in line for line in problems_of(f"tea({parameters})"))


def test_everything_wrong_with_parameters_is_said_at_once():
    assert len(problems_of("tea(minutes='x', leaves=1.5, sugar=2)")) == 3


def test_own_code_is_found_in_the_current_folder_without_a_search_path(here):
    (here / "own_brews.py").write_text(MINE.format(name="mine"))
    (here / "folder").mkdir()
    (here / "folder" / "other (1).py").write_text(MINE.format(name="other"))
    assert REGISTRY.find("own_brews:Mine").name == "mine"
    assert REGISTRY.find("own_brews:Mine(share=0.75)").share == 0.75
    assert REGISTRY.find("own_brews:OBJECT").share == REGISTRY.find("own_brews:OBJECT", share=0.25).share == 0.25
    assert REGISTRY.find("./own_brews.py:Mine") == REGISTRY.find("own_brews.py:Mine") == REGISTRY.find("own_brews:Mine")
    assert REGISTRY.find("folder/other (1).py:Mine(share=1)").name == "other"
    assert REGISTRY.find(f"{here}/own_brews.py:Mine").name == "mine"


def test_another_folder_s_module_and_an_edited_file_are_not_what_was_loaded_before(here, monkeypatch):
    for name in ("first", "second"):
        (here / name).mkdir()
        (here / name / "own_brews.py").write_text(MINE.format(name=name))
        monkeypatch.chdir(here / name)
        assert REGISTRY.find("own_brews:Mine").name == name
    (here / "second" / "own_brews.py").write_text(MINE.format(name="edited"))
    assert REGISTRY.find("own_brews:Mine").name == "edited"


def test_own_code_finds_the_modules_beside_it(here):
    (here / "deeper").mkdir()
    (here / "deeper" / "beside_own.py").write_text("SHARE = 0.125")
    (here / "deeper" / "own.py").write_text(
        MINE.format(name="own") + "\nfrom beside_own import SHARE\nOTHER = Mine(SHARE)"
    )
    assert REGISTRY.find("deeper/own.py:OTHER").share == 0.125


def test_a_file_of_the_current_folder_takes_no_installed_module_s_place(here):
    (here / "json.py").write_text(MINE.format(name="mine"))
    assert problems_of("json:Mine") == (
        "brew: 'json:Mine' cannot be loaded (json has no Mine); write ./json.py:Name for the file of this folder; an "
        "installed module has its name",
    )
    assert REGISTRY.find("./json.py:Mine").name == "mine"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("te", "brew: 'te' is unknown; did you mean tea?"),
        ("", "brew: '' is unknown"),
        ("mine.py", "write mine.py:Name"),
        ("os:path", "brew: 'os:path' is no brew: it has no `name` and `brew(water)`"),
        ("os:getcwd", "is no brew"),
        ("os:sep", "is no brew"),
        ("collections:OrderedDict", "is no brew"),
        ("./nowhere.py:X", "brew: './nowhere.py:X' cannot be loaded (./nowhere.py: No such file or directory)"),
        ("./broken.py:X", "cannot be loaded (SyntaxError:"),
        ("./leaves.py:X", "cannot be loaded (SystemExit: 3)"),
        ("./fails.py:X", "cannot be loaded (ZeroDivisionError: division by zero); mend ./fails.py"),
        ("./bytes.py:X", "cannot be loaded ("),
        ("fails:X", "cannot be loaded (ZeroDivisionError: division by zero)"),
        ("needy:X", "No module named 'a_module_that_is_not'"),
        ("no.such.module:X", "cannot be loaded (No module named 'no'"),
        ("./good.py:Mein", "cannot be loaded (./good.py has no Mein); did you mean Mine?"),
        ("./good.py:", "cannot be loaded (it must be module:Name or FILE.py:Name)"),
        (":Mine", "cannot be loaded (it must be module:Name or FILE.py:Name)"),
        ("a b:Mine", "is no name of a module"),
        (".:Mine", "is no name of a module"),
        ("./:Mine", "cannot be loaded (./: Is a directory)"),
        ("./good.py:Mine(share='x')", "./good.py:Mine.share: 'x' must be a number"),
        ("./raises.py:Raises", "cannot be made (KeyError: 'x')"),
        ("./nameless.py:Nameless", "has no `name`"),
        ("./abstract.py:Abstract", "cannot be made (TypeError:"),
    ],
)
def test_what_is_no_plug_in_is_refused_in_words(here, given, problem):
    (here / "broken.py").write_text("def (")
    (here / "leaves.py").write_text("import sys\nsys.exit(3)")
    (here / "fails.py").write_text("1 / 0")
    (here / "bytes.py").write_bytes(b"\xff\0\xfe")
    (here / "needy.py").write_text("import a_module_that_is_not")
    (here / "good.py").write_text(MINE.format(name="good"))
    brew = "\n    def brew(self, water): ...\n"
    (here / "raises.py").write_text(
        f"class Raises:\n    name = 'x'\n    def __init__(self): raise KeyError('x')\n{brew}"
    )
    (here / "nameless.py").write_text(f"class Nameless:{brew}")
    (here / "abstract.py").write_text(
        f"from abc import ABC, abstractmethod\nclass Abstract(ABC):\n    name = 'x'\n    @abstractmethod{brew}"
    )
    assert problem in problems_of(given)[0]


def test_a_list_is_a_list_and_nothing_stands_in_it_twice():
    assert REGISTRY.find_all(["tea", Coffee(3), "tea(minutes=5)"]) == (Tea(), Coffee(3), Tea(5))

    def problems(given):
        with pytest.raises(InvalidInputError) as refusal:
            REGISTRY.find_all(given)
        return refusal.value.lines

    assert problems("tea") == ("brews: 'tea' must be a list of brews; write ['tea']",)
    assert "must be a list of brews" in problems(Tea())[0]
    assert "must name at least one" in problems([])[0]
    assert problems(["tea", "tea(minutes=3.0)"]) == (
        "brews: 'tea' is given more than once; leave one out, or give it other parameters",
    )
    assert len(problems(["te", "coffe", "tea(minutes='x')", 7])) == 4


def test_parameters_that_are_not_the_defaults_are_part_of_an_object_s_name():
    assert Tea.name == Tea().name == Tea(3).name == "tea"
    assert Tea(5).name == Tea(5.0).name == "tea(minutes=5)"
    assert Tea(herbs=("mint",), kind="green").name == "tea(kind='green', herbs=('mint',))"
    assert Tea(grams={"mint": 1.5}).name == "tea(grams={'mint': 1.5})"
    assert REGISTRY.find(Tea(5, pairs=(("a", 1),)).name) == Tea(5, pairs=(("a", 1),)), "a name can be typed again"
