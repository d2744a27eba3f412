"""Attribution: who gets the credit for an order, and what each channel's credit costs.

Knows touch paths and costs only, on anyone's data; never sees the simulated truth.
"""

from typing import TYPE_CHECKING

from cpalab.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from attribution.bootstrap import bootstrap_credits as bootstrap_credits
    from attribution.costs.cpa import cpa_table as cpa_table
    from attribution.costs.economics import UnitEconomics as UnitEconomics
    from attribution.costs.performance import performance_table as performance_table
    from attribution.costs.segments import Segmented as Segmented
    from attribution.costs.segments import segments_of as segments_of
    from attribution.credit import Credit as Credit
    from attribution.formats.registry import read_data as read_data
    from attribution.formats.registry import write_data as write_data
    from attribution.model import load_model as load_model
    from attribution.model import model_names as model_names
    from attribution.paths.build import build_paths as build_paths
    from attribution.paths.conversion_lag import completeness as completeness
    from attribution.paths.conversion_lag import conversion_lag as conversion_lag
    from attribution.paths.paths import Paths as Paths
    from attribution.paths.settings import PathSettings as PathSettings
    from attribution.paths.stream import stream_paths as stream_paths
    from cpalab.refusal import InvalidInputError as InvalidInputError

CONTENTS = {
    "Credit": "attribution.credit",
    "InvalidInputError": "cpalab.refusal",
    "PathSettings": "attribution.paths.settings",
    "Paths": "attribution.paths.paths",
    "Segmented": "attribution.costs.segments",
    "UnitEconomics": "attribution.costs.economics",
    "bootstrap_credits": "attribution.bootstrap",
    "build_paths": "attribution.paths.build",
    "completeness": "attribution.paths.conversion_lag",
    "conversion_lag": "attribution.paths.conversion_lag",
    "cpa_table": "attribution.costs.cpa",
    "load_model": "attribution.model",
    "model_names": "attribution.model",
    "performance_table": "attribution.costs.performance",
    "read_data": "attribution.formats.registry",
    "segments_of": "attribution.costs.segments",
    "stream_paths": "attribution.paths.stream",
    "write_data": "attribution.formats.registry",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, CONTENTS)
