"""Attribution: who gets the credit for an order, and what each channel's credit costs.

Knows touch paths and costs only, on anyone's data; never sees the simulated truth.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attribution.bootstrap import bootstrap_credits as bootstrap_credits
    from attribution.build import build_paths as build_paths
    from attribution.cpa import cpa_table as cpa_table
    from attribution.credit import Credit as Credit
    from attribution.economics import UnitEconomics as UnitEconomics
    from attribution.errors import InvalidInputError as InvalidInputError
    from attribution.formats.registry import read_data as read_data
    from attribution.formats.registry import write_data as write_data
    from attribution.lag import conversion_lag as conversion_lag
    from attribution.maturity import completeness as completeness
    from attribution.model import load_model as load_model
    from attribution.model import model_names as model_names
    from attribution.paths import Paths as Paths
    from attribution.performance import performance_table as performance_table
    from attribution.segments import Segmented as Segmented
    from attribution.segments import segments_of as segments_of
    from attribution.settings import PathSettings as PathSettings
    from attribution.stream import stream_paths as stream_paths

PUBLIC = {
    "Credit": "credit",
    "InvalidInputError": "errors",
    "PathSettings": "settings",
    "Paths": "paths",
    "Segmented": "segments",
    "UnitEconomics": "economics",
    "bootstrap_credits": "bootstrap",
    "build_paths": "build",
    "completeness": "maturity",
    "conversion_lag": "lag",
    "cpa_table": "cpa",
    "load_model": "model",
    "model_names": "model",
    "performance_table": "performance",
    "read_data": "formats.registry",
    "segments_of": "segments",
    "stream_paths": "stream",
    "write_data": "formats.registry",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package costs nothing."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(PUBLIC)
