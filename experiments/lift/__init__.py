"""Lift tests: the effect of ads measured by experiment, and what an incremental conversion cost.

`user_table_test(frame)` and `time_based_regression(geo_experiment(geo_panel(frame), …))` read tables of one's own.
"""

from typing import TYPE_CHECKING

from experiments.public_names import on_demand

if TYPE_CHECKING:
    from experiments.lift.arms import ArmStatistics as ArmStatistics
    from experiments.lift.arms import PairStatistics as PairStatistics
    from experiments.lift.confidence_sequence import always_valid as always_valid
    from experiments.lift.cost_ratio import CostPerIncrementalConversion as CostPerIncrementalConversion
    from experiments.lift.cost_ratio import cost_per_incremental_conversion as cost_per_incremental_conversion
    from experiments.lift.estimate import LiftEstimate as LiftEstimate
    from experiments.lift.factorial import factorial_test as factorial_test
    from experiments.lift.factorial_table import factorial_table_test as factorial_table_test
    from experiments.lift.geo.assignment import GeoAssignment as GeoAssignment
    from experiments.lift.geo.assignment import constrained_assignment as constrained_assignment
    from experiments.lift.geo.assignment import draw_assignment as draw_assignment
    from experiments.lift.geo.assignment import paired_assignment as paired_assignment
    from experiments.lift.geo.assignment import stratified_assignment as stratified_assignment
    from experiments.lift.geo.did import difference_in_differences as difference_in_differences
    from experiments.lift.geo.durations import detectable_lift_by_days as detectable_lift_by_days
    from experiments.lift.geo.gbr import geo_based_regression as geo_based_regression
    from experiments.lift.geo.panel import GeoExperiment as GeoExperiment
    from experiments.lift.geo.panel import GeoPanel as GeoPanel
    from experiments.lift.geo.panel import geo_experiment as geo_experiment
    from experiments.lift.geo.panel import geo_panel as geo_panel
    from experiments.lift.geo.power import select_markets as select_markets
    from experiments.lift.geo.power import simulated_power as simulated_power
    from experiments.lift.geo.result import GeoLiftTest as GeoLiftTest
    from experiments.lift.geo.structural import structural_time_series as structural_time_series
    from experiments.lift.geo.switchback import switchback_schedule as switchback_schedule
    from experiments.lift.geo.switchback import switchback_test as switchback_test
    from experiments.lift.geo.switchback_power import switchback_power as switchback_power
    from experiments.lift.geo.synthetic_control import synthetic_control as synthetic_control
    from experiments.lift.geo.tbr import time_based_regression as time_based_regression
    from experiments.lift.geo.trimmed_match import trimmed_match_test as trimmed_match_test
    from experiments.lift.group_sequential import GroupSequentialPlan as GroupSequentialPlan
    from experiments.lift.multiplicity import against_shared_control as against_shared_control
    from experiments.lift.multiplicity import holm_p_values as holm_p_values
    from experiments.lift.power import UserTestDesign as UserTestDesign
    from experiments.lift.power import plan_user_test as plan_user_test
    from experiments.lift.refusal import LiftInputError as LiftInputError
    from experiments.lift.sample_ratio import sample_ratio_check as sample_ratio_check
    from experiments.lift.several_arms import several_arms_test as several_arms_test
    from experiments.lift.user import UserLiftTest as UserLiftTest
    from experiments.lift.user import user_holdout_test as user_holdout_test
    from experiments.lift.user_table import UserTableTest as UserTableTest
    from experiments.lift.user_table import user_table_test as user_table_test
    from experiments.lift.welch import adjusted_lift as adjusted_lift
    from experiments.lift.welch import ratio_metric_lift as ratio_metric_lift

PUBLIC = {
    "ArmStatistics": "arms",
    "CostPerIncrementalConversion": "cost_ratio",
    "GeoAssignment": "geo.assignment",
    "GeoExperiment": "geo.panel",
    "GeoLiftTest": "geo.result",
    "GeoPanel": "geo.panel",
    "GroupSequentialPlan": "group_sequential",
    "LiftEstimate": "estimate",
    "LiftInputError": "refusal",
    "PairStatistics": "arms",
    "UserLiftTest": "user",
    "UserTableTest": "user_table",
    "UserTestDesign": "power",
    "adjusted_lift": "welch",
    "against_shared_control": "multiplicity",
    "always_valid": "confidence_sequence",
    "constrained_assignment": "geo.assignment",
    "cost_per_incremental_conversion": "cost_ratio",
    "detectable_lift_by_days": "geo.durations",
    "difference_in_differences": "geo.did",
    "draw_assignment": "geo.assignment",
    "factorial_table_test": "factorial_table",
    "factorial_test": "factorial",
    "geo_based_regression": "geo.gbr",
    "geo_experiment": "geo.panel",
    "geo_panel": "geo.panel",
    "holm_p_values": "multiplicity",
    "paired_assignment": "geo.assignment",
    "plan_user_test": "power",
    "ratio_metric_lift": "welch",
    "sample_ratio_check": "sample_ratio",
    "select_markets": "geo.power",
    "several_arms_test": "several_arms",
    "simulated_power": "geo.power",
    "stratified_assignment": "geo.assignment",
    "structural_time_series": "geo.structural",
    "switchback_power": "geo.switchback_power",
    "switchback_schedule": "geo.switchback",
    "switchback_test": "geo.switchback",
    "synthetic_control": "geo.synthetic_control",
    "time_based_regression": "geo.tbr",
    "trimmed_match_test": "geo.trimmed_match",
    "user_holdout_test": "user",
    "user_table_test": "user_table",
}

__getattr__, __dir__ = on_demand(__name__, PUBLIC)
