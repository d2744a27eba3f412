"""Lift tests: the effect of ads measured by experiment, and what an incremental conversion cost.

`user_table_test(frame)` and `time_based_regression(geo_experiment(geo_panel(frame), …))` read tables of one's own.
"""

from typing import TYPE_CHECKING

from cpalab.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from cpalab.refusal import LiftInputError as LiftInputError
    from experiments.lift.estimate.arm_sums import ArmStatistics as ArmStatistics
    from experiments.lift.estimate.arm_sums import PairStatistics as PairStatistics
    from experiments.lift.estimate.cost_ratio import CostPerIncrementalConversion as CostPerIncrementalConversion
    from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion as cost_per_incremental_conversion
    from experiments.lift.estimate.lift_estimate import LiftEstimate as LiftEstimate
    from experiments.lift.estimate.margin import margin_test as margin_test
    from experiments.lift.estimate.multiplicity import against_shared_control as against_shared_control
    from experiments.lift.estimate.multiplicity import holm_p_values as holm_p_values
    from experiments.lift.estimate.welch import adjusted_lift as adjusted_lift
    from experiments.lift.estimate.welch import ratio_metric_lift as ratio_metric_lift
    from experiments.lift.geo.method import GeoMethod as GeoMethod
    from experiments.lift.geo.method import find_geo_method as find_geo_method
    from experiments.lift.geo.methods.default import default_geo_test as default_geo_test
    from experiments.lift.geo.methods.did import difference_in_differences as difference_in_differences
    from experiments.lift.geo.methods.gbr import geo_based_regression as geo_based_regression
    from experiments.lift.geo.methods.structural import structural_time_series as structural_time_series
    from experiments.lift.geo.methods.synthetic_control import synthetic_control as synthetic_control
    from experiments.lift.geo.methods.synthetic_did import (
        synthetic_difference_in_differences as synthetic_difference_in_differences,
    )
    from experiments.lift.geo.methods.tbr import time_based_regression as time_based_regression
    from experiments.lift.geo.methods.trimmed_match import trimmed_match_test as trimmed_match_test
    from experiments.lift.geo.panel import GeoExperiment as GeoExperiment
    from experiments.lift.geo.panel import GeoPanel as GeoPanel
    from experiments.lift.geo.panel import geo_experiment as geo_experiment
    from experiments.lift.geo.panel import geo_panel as geo_panel
    from experiments.lift.geo.planning.assignment import GeoAssignment as GeoAssignment
    from experiments.lift.geo.planning.assignment import constrained_assignment as constrained_assignment
    from experiments.lift.geo.planning.assignment import draw_assignment as draw_assignment
    from experiments.lift.geo.planning.assignment import paired_assignment as paired_assignment
    from experiments.lift.geo.planning.assignment import stratified_assignment as stratified_assignment
    from experiments.lift.geo.planning.durations import detectable_lift_by_days as detectable_lift_by_days
    from experiments.lift.geo.planning.power import select_markets as select_markets
    from experiments.lift.geo.planning.power import simulated_power as simulated_power
    from experiments.lift.geo.planning.switchback_power import switchback_power as switchback_power
    from experiments.lift.geo.result import GeoLiftTest as GeoLiftTest
    from experiments.lift.geo.switchback import switchback_schedule as switchback_schedule
    from experiments.lift.geo.switchback import switchback_test as switchback_test
    from experiments.lift.sequential.confidence_sequence import always_valid as always_valid
    from experiments.lift.sequential.early_reading import EarlyReading as EarlyReading
    from experiments.lift.sequential.group_sequential import GroupSequentialPlan as GroupSequentialPlan
    from experiments.lift.user.factorial import factorial_test as factorial_test
    from experiments.lift.user.factorial_table import factorial_table_test as factorial_table_test
    from experiments.lift.user.plan import UserTestDesign as UserTestDesign
    from experiments.lift.user.plan import plan_user_test as plan_user_test
    from experiments.lift.user.sample_ratio import sample_ratio_check as sample_ratio_check
    from experiments.lift.user.several_arms import several_arms_test as several_arms_test
    from experiments.lift.user.user_table import UserTableTest as UserTableTest
    from experiments.lift.user.user_table import user_table_test as user_table_test
    from experiments.lift.user.user_test import UserLiftTest as UserLiftTest
    from experiments.lift.user.user_test import user_holdout_test as user_holdout_test

CONTENTS = {
    "ArmStatistics": "experiments.lift.estimate.arm_sums",
    "CostPerIncrementalConversion": "experiments.lift.estimate.cost_ratio",
    "EarlyReading": "experiments.lift.sequential.early_reading",
    "GeoAssignment": "experiments.lift.geo.planning.assignment",
    "GeoExperiment": "experiments.lift.geo.panel",
    "GeoLiftTest": "experiments.lift.geo.result",
    "GeoMethod": "experiments.lift.geo.method",
    "GeoPanel": "experiments.lift.geo.panel",
    "GroupSequentialPlan": "experiments.lift.sequential.group_sequential",
    "LiftEstimate": "experiments.lift.estimate.lift_estimate",
    "LiftInputError": "cpalab.refusal",
    "PairStatistics": "experiments.lift.estimate.arm_sums",
    "UserLiftTest": "experiments.lift.user.user_test",
    "UserTableTest": "experiments.lift.user.user_table",
    "UserTestDesign": "experiments.lift.user.plan",
    "adjusted_lift": "experiments.lift.estimate.welch",
    "against_shared_control": "experiments.lift.estimate.multiplicity",
    "always_valid": "experiments.lift.sequential.confidence_sequence",
    "constrained_assignment": "experiments.lift.geo.planning.assignment",
    "cost_per_incremental_conversion": "experiments.lift.estimate.cost_ratio",
    "default_geo_test": "experiments.lift.geo.methods.default",
    "detectable_lift_by_days": "experiments.lift.geo.planning.durations",
    "difference_in_differences": "experiments.lift.geo.methods.did",
    "draw_assignment": "experiments.lift.geo.planning.assignment",
    "factorial_table_test": "experiments.lift.user.factorial_table",
    "factorial_test": "experiments.lift.user.factorial",
    "find_geo_method": "experiments.lift.geo.method",
    "geo_based_regression": "experiments.lift.geo.methods.gbr",
    "geo_experiment": "experiments.lift.geo.panel",
    "geo_panel": "experiments.lift.geo.panel",
    "holm_p_values": "experiments.lift.estimate.multiplicity",
    "margin_test": "experiments.lift.estimate.margin",
    "paired_assignment": "experiments.lift.geo.planning.assignment",
    "plan_user_test": "experiments.lift.user.plan",
    "ratio_metric_lift": "experiments.lift.estimate.welch",
    "sample_ratio_check": "experiments.lift.user.sample_ratio",
    "select_markets": "experiments.lift.geo.planning.power",
    "several_arms_test": "experiments.lift.user.several_arms",
    "simulated_power": "experiments.lift.geo.planning.power",
    "stratified_assignment": "experiments.lift.geo.planning.assignment",
    "structural_time_series": "experiments.lift.geo.methods.structural",
    "switchback_power": "experiments.lift.geo.planning.switchback_power",
    "switchback_schedule": "experiments.lift.geo.switchback",
    "switchback_test": "experiments.lift.geo.switchback",
    "synthetic_control": "experiments.lift.geo.methods.synthetic_control",
    "synthetic_difference_in_differences": "experiments.lift.geo.methods.synthetic_did",
    "time_based_regression": "experiments.lift.geo.methods.tbr",
    "trimmed_match_test": "experiments.lift.geo.methods.trimmed_match",
    "user_holdout_test": "experiments.lift.user.user_test",
    "user_table_test": "experiments.lift.user.user_table",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, CONTENTS)
