"""Attribution: who gets the credit for an order, and what each channel's credit costs.

Knows touch paths and costs only, on anyone's data; never sees the simulated truth.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attribution.build import build_paths as build_paths
    from attribution.cpa import cpa_table as cpa_table
    from attribution.credit import Credit as Credit
    from attribution.credit import bootstrap_credits as bootstrap_credits
    from attribution.errors import InvalidInputError as InvalidInputError
    from attribution.lag import conversion_lag as conversion_lag
    from attribution.model import load_model as load_model
    from attribution.model import model_names as model_names
    from attribution.paths import Paths as Paths
    from attribution.settings import PathSettings as PathSettings

PUBLIC = {
    "Credit": "credit",
    "InvalidInputError": "errors",
    "PathSettings": "settings",
    "Paths": "paths",
    "bootstrap_credits": "credit",
    "build_paths": "build",
    "conversion_lag": "lag",
    "cpa_table": "cpa",
    "load_model": "model",
    "model_names": "model",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package costs nothing."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(PUBLIC)
