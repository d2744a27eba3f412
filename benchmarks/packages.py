"""Which version of a package is installed."""

from importlib.metadata import PackageNotFoundError, version


def installed(name: str) -> str:
    """The version, in words where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"
