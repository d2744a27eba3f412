"""`cpalab lift`: read a lift test from one's own table."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from experiments.cli.lift.calibration import Calibration, calibration_options
from experiments.cli.lift.geo_methods import chosen_geo_method, geo_method_option
from experiments.cli.lift.lift_tables import (
    file_argument,
    folder_problems,
    geos_in,
    levels_option,
    names_in,
    print_each,
    print_lift,
    read_table,
    show,
    write_table,
)

if TYPE_CHECKING:
    import pandas as pd

    from cpalab.result import Result
    from experiments.lift.estimate.lift_estimate import Alternative
    from experiments.lift.geo.panel import MissingRows, Outcome
    from experiments.lift.sequential.group_sequential import Boundary
    from experiments.lift.user.user_table import UserDesign
    from experiments.lift.user.user_test import LiftMethod

BOUNDARY_NAMES = (
    "obrien_fleming",
    "pocock",
    "lan_demets_obrien_fleming",
    "lan_demets_pocock",
    "lan_demets_power",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
outcome_option = click.option(
    "--outcome",
    type=click.Choice(["conversions", "value"]),
    default="conversions",
    show_default=True,
    help="What the response is: conversions have a price each, value has a return.",
)

alternative_option = click.option(
    "--alternative",
    type=click.Choice(["two-sided", "greater", "less"]),
    default="two-sided",
    show_default=True,
    help="Test for any effect, for an increase (greater) or for a decrease (less) only; choose before you look.",
)


@click.group()
def command() -> None:
    """Read a lift test from a table: incremental conversions and what one of them cost.

    FILE is CSV or Parquet. An interval of the price that has no upper end means that the ads may have done nothing.
    """


@command.command("user")
@file_argument
@click.option(
    "--design",
    type=click.Choice(["intention_to_treat", "ghost_ads"]),
    default="intention_to_treat",
    show_default=True,
    help="Compare everybody assigned, or those whom an ad reached or would have reached.",
)
@click.option(
    "--method",
    type=click.Choice(["auto", "welch", "score"]),
    default="auto",
    show_default=True,
    help="Welch's test, score limits for few conversions, or what fits.",
)
@click.option("--treated-share", "planned", metavar="SHARE",
              help="Planned share of treated users (or clusters); checks the arm sizes. Several arms: the share of all of "
              "them, in equal parts, or ARM=SHARE,….")  # fmt: skip
@click.option("--response", metavar="COLUMN", help="The column that counts as conversions, where there are several.")
@click.option("--cap", metavar="AMOUNT",
              help="A user's value above this counts as this: an amount of money, or 99% of the buyers' values.")  # fmt: skip
@click.option("--margin", type=float, metavar="SHARE",
              help="Does switching the ads off cost at most this share of conversions? 0.05 is 5 %.")  # fmt: skip
@calibration_options
@click.option("--adjusted", is_flag=True, help="Adjust conversions for pre_period_conversions (CUPED): sharper.")
@click.option(
    "--information",
    "information_fraction",
    type=float,
    metavar="SHARE",
    help="The test still runs: users so far ÷ users planned. Intervals then hold whenever they are read.",
)
@click.option("--look", type=int, help="The test is read at this one of --looks planned looks.")
@click.option("--looks", type=int, help="Number of equally spaced looks that were planned.")
@click.option(
    "--boundary",
    type=click.Choice(BOUNDARY_NAMES),
    default="lan_demets_obrien_fleming",
    show_default=True,
    help="Boundary of the planned looks.",
)
@alternative_option
@levels_option
@as_json_option
def user(
    file: Path, design: "UserDesign", method: "LiftMethod", planned: str | None, response: str | None, cap: str | None,
    margin: float | None, calibration: "Calibration | None", adjusted: bool, information_fraction: float | None,
    look: int | None, looks: int | None, boundary: "Boundary", alternative: "Alternative", levels: tuple[float, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Test of randomised people: FILE with user_id, arm, conversions, and where known cost, exposed, value.

    Totals are read too: one row per arm with arm, users, conversions and where known cost.

    One row per user; arm is treated or control, exposed is true or false: whether an ad reached the user or, in the control
    arm, would have (a ghost ad was logged). With pre_period_conversions, from before the test, the arms are checked for
    differences that no ad can have made. With cluster_id, the household or account that was assigned as one, errors are
    those of clusters. With value, the return on ad spend and the change of value per conversion are read too.

    Several exclusive arms: arm is control or the name of a channel; every channel is compared with the control, and p-values
    and intervals hold for all of them together.
    """
    from dataclasses import replace

    import pandas as pd

    from cpalab.micros import MICROS
    from cpalab.refusal import refuse
    from experiments.cli.lift.calibration import calibration_row
    from experiments.lift.estimate.margin import margin_test
    from experiments.lift.sequential.confidence_sequence import always_valid
    from experiments.lift.sequential.group_sequential import GroupSequentialPlan
    from experiments.lift.user.cap import Cap
    from experiments.lift.user.several_arms import arms_of, several_arms_test
    from experiments.lift.user.user_table import user_table_test

    early = information_fraction is not None or look is not None
    table = _with_response(read_table(file), response)
    shares = planned_shares(planned)
    if arms_of(table):
        one_holdout = (
            ("--method", method != "auto"),
            ("--cap", cap is not None),
            ("--margin", margin is not None),
            ("--calibration", calibration is not None),
            ("--adjusted", adjusted),
            ("--information, --look", early),
            ("--alternative", alternative != "two-sided"),
        )
        refuse(
            [f"{option}: must not be given with several arms; read one arm at a time" for option, x in one_holdout if x]
        )
        family = several_arms_test(table, levels, design=design, planned_shares=shares)
        show(family.to_frame(), family.summary(), as_json, lambda shown: print_each(shown, "arm"))
        return
    problems = []
    if (look is None) != (looks is None):
        problems.append("--look, --looks: both must be given; --look 2 --looks 5 is the second of five")
    if information_fraction is not None and look is not None:
        problems.append("--information: must not be given with --look; a look is either planned or not")
    boundary_given = click.get_current_context().get_parameter_source("boundary") is ParameterSource.COMMANDLINE
    if boundary_given and look is None:
        problems.append(f"--boundary: {boundary} must not be given without --look and --looks; no looks were planned")
    if isinstance(shares, dict):
        problems.append(f"--treated-share: {planned} must be one share where there is one treated arm; write 0.9")
    refuse(problems)
    test = user_table_test(
        table,
        levels,
        design=design,
        method=method,
        planned_treated_share=None if isinstance(shares, dict) else shares,
        adjusted=adjusted,
        cap=None if cap is None else Cap.of(cap),
    )
    lift, note = test.conversions.lift, ""
    if information_fraction is not None:
        lift = always_valid(lift, information_fraction)
        note = "Read while it runs: p-value and intervals of conversions hold at every reading."
    if look is not None and looks is not None:
        lift = GroupSequentialPlan.equally_spaced(looks, boundary).at_look(lift, look)
        note = f"Look {look} of {looks}: p-value and intervals of conversions hold over all looks together."
    if early:
        note += " After an early stop the estimate is too large on average."
        if test.incremental_value is not None:
            note += " Value is left out: it is read once, at the end."
        test = replace(
            test,
            conversions=replace(test.conversions, lift=lift),
            # Value is read once, at the end: its intervals are those of a fixed test.
            incremental_value=None,
            value_per_conversion=None,
            notes=(*test.notes, note),
        )
    test = test.against(alternative)
    further: dict[str, Result | pd.DataFrame] = {}
    if margin is not None:
        further["margin"] = margin_test(lift, margin, levels)
    if calibration is not None:
        spent = test.conversions.cost_micros / MICROS
        row = calibration_row(calibration, test.conversions.incremental_conversions, spent)
        further[f"calibration_{calibration.model}"] = pd.DataFrame([row])
    show(test.to_frame(), test.summary(), as_json, print_lift, further)


def _with_response(table: "pd.DataFrame", response: str | None) -> "pd.DataFrame":
    """The table with this column as its conversions."""
    from cpalab.refusal import did_you_mean, refuse

    if response is None or response == "conversions":
        return table
    if response not in table.columns:
        hint = did_you_mean(response, map(str, table.columns))
        refuse([f"--response: {response} must be a column of the table; {hint}"])
    return table.drop(columns="conversions", errors="ignore").rename(columns={response: "conversions"})


def planned_shares(text: str | None) -> dict[str, float] | float | None:
    """One share, or one for each arm that is named.

    Raises:
        LiftInputError: no numbers between 0 and 1.
    """
    from cpalab.refusal import refuse

    if text is None:
        return None
    parts = [part.rpartition("=") for part in text.split(",")]
    try:
        shares = {name.strip(): float(share) for name, _, share in parts}
    except ValueError:
        refuse([f"--treated-share: {text} must be a share, or one for each arm; write 0.9 or search=0.4,social=0.4"])
        raise
    if not all(0 < share < 1 for share in shares.values()) or (len(parts) > 1 and "" in shares):
        refuse([f"--treated-share: {text} must lie between 0 and 1; write 0.9 or search=0.4,social=0.4"])
    return shares.get("", shares)


@command.command("factorial")
@file_argument
@click.option(
    "--factors",
    default="arm_a,arm_b",
    show_default=True,
    metavar="A,B",
    help="The two columns that hold the arms of the two channels; they name the channels.",
)
@levels_option
@as_json_option
def factorial(file: Path, factors: str, levels: tuple[float, ...], as_json: bool) -> None:
    """Two channels tested at once: FILE with user_id, conversions, the two arms, and where known cost.

    One row per user; each of the arms is treated or control, drawn independently of the other (2 × 2). Reads what either
    channel does alone, what both do together, and whether they help or replace each other (the interaction).
    """
    import pandas as pd

    from cpalab.refusal import refuse
    from experiments.lift.estimate.lift_estimate import level_problems
    from experiments.lift.user.factorial_table import factorial_table_test

    refuse(level_problems(levels))
    test = factorial_table_test(read_table(file), names_in((factors,)))
    rows = [test.to_frame(level).assign(level=level) for level in levels]
    frame = pd.concat(rows, ignore_index=True)
    named = frame["contrast"].str.replace("first", test.first).str.replace("second", test.second).str.replace("_", " ")
    show(
        frame.assign(contrast=frame["contrast"] if as_json else named),
        test.summary(max(levels)),
        as_json,
        lambda shown: print_each(shown, "contrast"),
    )


@command.command("geo")
@file_argument
@click.option("--treated", multiple=True, required=True, metavar="GEO,…",
              help="Geos whose ads were changed; may be repeated. Quote names with commas, or give them alone.")  # fmt: skip
@click.option("--start", required=True, metavar="DATE", help="First day of the test.")
@click.option("--end", required=True, metavar="DATE", help="Last day of the test.")
@click.option("--cooldown-days", type=int, default=0, show_default=True,
              help="Days after the test whose response still counts.")  # fmt: skip
@geo_method_option
@click.option(
    "--inference",
    metavar="NAME",
    help="For tbr: autoregressive (default), independent, block_conformal. For synthetic controls: "
    "block_conformal (default), placebo. For trimmed_match: sign_flips (default), normal.",
)
@click.option("--season-days", type=int, help="For structural: length of a season the controls do not share.")
@click.option("--pairs", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="For trimmed_match: a table with geo and pair.")  # fmt: skip
@outcome_option
@click.option("--missing-rows", type=click.Choice(["refuse", "zero"]), default="refuse", show_default=True,
              help="What an absent row of a geo and day means.")  # fmt: skip
@click.option("--series", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the daily counterfactual to this CSV file.")  # fmt: skip
@alternative_option
@levels_option
@as_json_option
def geo(
    file: Path, treated: tuple[str, ...], start: str, end: str, cooldown_days: int, method: str,
    inference: str | None, season_days: int | None, pairs: Path | None, outcome: "Outcome",
    missing_rows: "MissingRows", series: Path | None, alternative: "Alternative", levels: tuple[float, ...], as_json: bool,
) -> None:  # fmt: skip
    """Test of regions: FILE with location, date, Y and cost, or date, geo, response and cost.

    One row per geo and day, from well before the test on; cost may be left out.
    """
    from cpalab.refusal import LiftInputError, refuse
    from experiments.lift.geo.method import needs_pairs
    from experiments.lift.geo.panel import geo_experiment, geo_panel

    refuse(folder_problems(series, "--series"))
    chosen = chosen_geo_method(method, inference, season_days, pairs)
    if needs_pairs(chosen):
        refuse([f"--pairs: nothing given must be a table with geo and pair; {method} needs it"])
    panel = geo_panel(read_table(file), missing_rows=missing_rows)
    experiment = geo_experiment(
        panel, geos_in(treated, panel.geos), start, end, cooldown_days=cooldown_days, outcome=outcome
    )
    test = chosen.read(experiment, levels).against(alternative)
    if series is not None:
        if test.series.empty:
            raise LiftInputError([f"--series: {method} has no daily counterfactual; leave it out or use tbr"])
        write_table(test.series, series, "--series")
    show(test.to_frame(), test.summary(), as_json, print_lift)


@command.command("switchback")
@file_argument
@click.option("--block-days", type=int, required=True, help="Days between possible switches.")
@click.option("--washout-days", type=int, default=0, show_default=True,
              help="Days left out at the start of every block.")  # fmt: skip
@outcome_option
@alternative_option
@levels_option
@as_json_option
def switchback(
    file: Path, block_days: int, washout_days: int, outcome: "Outcome", alternative: "Alternative",
    levels: tuple[float, ...], as_json: bool,
) -> None:  # fmt: skip
    """Test of ads switched on and off in blocks of days: FILE with date, response, state and cost."""
    from experiments.lift.geo.switchback import switchback_test

    test = switchback_test(read_table(file), block_days, levels, washout_days=washout_days, outcome=outcome)
    test = test.against(alternative)
    show(test.to_frame(), test.summary(), as_json, print_lift)
