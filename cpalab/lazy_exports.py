"""Public names of a package, each imported when it is first asked for: importing the package itself costs nothing."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_exports(
    package: str, modules: Mapping[str, str], children: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package from its one table of contents.

    Args:
        package: name of the package.
        modules: full name of the module of each public name.
        children: full name of each package or module that is itself offered as a name, such as `lift`.
    """
    offered = children or {}
    names = sorted([*modules, *offered])

    def find(name: str) -> Any:
        if name in offered:
            return importlib.import_module(offered[name])
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name]), name)

    return find, lambda: names, names
