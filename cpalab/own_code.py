"""Own code by name: the object that `module:Name` or `FILE.py:Name` names, from the current folder or what is installed.

Loading runs the code, with all the rights of whoever asked for it.
"""

import hashlib
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from cpalab.refusal import did_you_mean

__all__ = ["OwnCodeError", "load_own_code", "written_module"]


# Folders that were added to where Python looks for modules; sys.path itself is the process's, too.
own_folders: set[str] = set()
FROM_FILE = "own_code_"  # how the names of modules begin that were loaded from a file


class OwnCodeError(Exception):
    """Why a name cannot be loaded.

    Attributes:
        rule: what is wrong.
        hint: what to do about it.
    """

    def __init__(self, rule: str, hint: str = "write module:Name or FILE.py:Name") -> None:
        super().__init__(rule)
        self.rule, self.hint = rule, hint


def load_own_code(place: str, *, current_folder: bool = True) -> object:
    """The object named by `module:Name` or `FILE.py:Name`; `Name` may be dotted.

    A module is looked for where Python looks, and then in the current folder. A file's own folder is where it finds the
    modules beside it.

    Args:
        place: the name, as written.
        current_folder: whether to look there too; installed code does not.

    Raises:
        OwnCodeError: there is no such module, file or name, or the code fails.
    """
    module_name, _, attribute = place.rpartition(":")
    if not module_name.strip() or not all(part.isidentifier() for part in attribute.split(".")):
        raise OwnCodeError("cannot be loaded (it must be module:Name or FILE.py:Name)")
    is_file = module_name.endswith(".py") or "/" in module_name or os.sep in module_name
    module = _file(module_name) if is_file else _module(module_name, current_folder)
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [name for name in vars(found) if not name.startswith("_")] if hasattr(found, "__dict__") else []
            hint = did_you_mean(part, public[:20]) or "write module:Name or FILE.py:Name"
            raise OwnCodeError(
                f"cannot be loaded ({module_name} has no {part})", _shadowed(module_name, module) or hint
            )
        found = getattr(found, part)
    return found


def written_module(name: str) -> str:
    """What to write before the colon for a module of this name: the name, or the path of the file it was loaded from."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return str(file) if name.startswith(FROM_FILE) and file else name


def _module(name: str, current_folder: bool) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise OwnCodeError(f"cannot be loaded ({name!r} is no name of a module)")
    if current_folder:
        here = Path.cwd() / f"{name}.py"
        if here.is_file() and not _is_installed(name, here):
            return _file(str(here))
        _look_in(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise OwnCodeError(f"cannot be loaded (No module named {error.name!r})") from error
        raise OwnCodeError(f"cannot be loaded ({_said(error)})", f"install what {name} imports") from error
    except (Exception, SystemExit) as error:  # whatever a stranger's module raises while it is imported
        raise OwnCodeError(f"cannot be loaded ({_said(error)})", f"mend {name}") from error


def _is_installed(name: str, here: Path) -> bool:
    """Whether Python knows a module of this name that is neither this file nor own code of another folder: it goes first."""
    if name in sys.modules:
        origin = getattr(sys.modules[name], "__file__", None)
    else:
        found = importlib.util.find_spec(name)
        if found is None:
            return False
        origin = found.origin
    return origin is None or (Path(origin).resolve() != here.resolve() and str(Path(origin).parent) not in own_folders)


def _file(written: str) -> ModuleType:
    file = Path(written).expanduser()
    try:
        source = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OwnCodeError(f"cannot be loaded ({written}: {reason})", "write the path of a Python file") from error
    file = file.resolve()
    # The same source in the same place is one module, so that its classes are one too; an edited file is another.
    digest = hashlib.sha256(os.fsencode(file) + b"\0" + source).hexdigest()[:16]
    name = f"{FROM_FILE}{digest}"
    if name in sys.modules:
        return sys.modules[name]
    _look_in(file.parent)
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module  # dataclasses look their module up while they are made
    try:
        exec(compile(source, str(file), "exec"), module.__dict__)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception | SystemExit):
            raise
        raise OwnCodeError(f"cannot be loaded ({_said(error)})", f"mend {written}") from error
    return module


def _look_in(folder: Path) -> None:
    """Look for modules in this folder too, after everywhere else: no file there can take an installed package's place."""
    if str(folder) not in sys.path and not ("" in sys.path and folder == Path.cwd()):
        sys.path.append(str(folder))
        own_folders.add(str(folder))
    importlib.invalidate_caches()


def _said(error: BaseException) -> str:
    """An error in one line, with the line of a file that cannot be read as Python."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _shadowed(name: str, module: ModuleType) -> str:
    """What to write where a file of the current folder gave way to an installed module of its name."""
    here = Path.cwd() / f"{name}.py"
    if not here.is_file() or here.resolve() == Path(getattr(module, "__file__", None) or os.devnull).resolve():
        return ""
    return f"write ./{name}.py:Name for the file of this folder; an installed module has its name"
