"""`cpalab lift`: read a lift test from one's own table."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.lift.calibration import Calibration, calibration_options
from experiments.cli.lift.lift_geo import geo, switchback
from experiments.cli.lift.lift_options import alternative_option, as_json_option, margin_option
from experiments.cli.lift.lift_tables import (
    OF_USERS,
    file_argument,
    levels_option,
    names_in,
    page_option,
    print_each,
    print_lift,
    read_table,
    show,
)

if TYPE_CHECKING:
    import pandas as pd

    from cpalab.result import Result
    from experiments.lift.estimate.lift_estimate import Alternative
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
@margin_option
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
    help="Boundary of the planned looks.  [default: lan_demets_obrien_fleming]",
)
@alternative_option
@levels_option
@page_option
@as_json_option
def user(
    file: Path, design: "UserDesign", method: "LiftMethod", planned: str | None, response: str | None, cap: str | None,
    margin: float | None, calibration: "Calibration | None", adjusted: bool, information_fraction: float | None,
    look: int | None, looks: int | None, boundary: "Boundary | None",
    alternative: "Alternative", levels: tuple[float, ...], as_json: bool,
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
    import pandas as pd

    from cpalab.micros import MICROS
    from cpalab.refusal import LiftInputError, Problem, gathered
    from experiments.cli.lift.calibration import calibration_row
    from experiments.lift.estimate.lift_estimate import level_problems
    from experiments.lift.estimate.margin import margin_test
    from experiments.lift.sequential.early_reading import EarlyReading
    from experiments.lift.user.cap import Cap
    from experiments.lift.user.several_arms import arms_of, several_arms_test
    from experiments.lift.user.user_table import user_table_test

    early = information_fraction is not None or look is not None
    problems: list[Problem | str] = []
    given = (look, looks, boundary, information_fraction)
    early_reading = None
    if given != (None,) * len(given):
        early_reading = gathered(problems, partial(EarlyReading, *given))
    shares = gathered(problems, partial(planned_shares, planned))
    threshold = None if cap is None else gathered(problems, partial(Cap.of, cap))
    table = gathered(problems, lambda: _with_response(read_table(file, OF_USERS), response))
    if table is None:
        raise LiftInputError([*problems, *level_problems(levels)])
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
        problems += [
            f"{option}: must not be given with several arms; read one arm at a time" for option, x in one_holdout if x
        ]
        family = gathered(problems, partial(several_arms_test, table, levels, design=design, planned_shares=shares))
        if family is None or problems:
            raise LiftInputError(problems)
        show(family.to_frame(), family.summary(), as_json, lambda shown: print_each(shown, "arm"))
        return
    if isinstance(shares, dict):
        problems.append(f"--treated-share: {planned} must be one share where there is one treated arm; write 0.9")
    share = None if isinstance(shares, dict) else shares
    read = partial(user_table_test, design=design, method=method, planned_treated_share=share, adjusted=adjusted)
    test = gathered(problems, partial(read, table, levels, cap=threshold))
    if test is None or problems:
        raise LiftInputError(problems)
    if early_reading is not None:
        test = early_reading.of(test)
    test = test.against(alternative)
    further: dict[str, Result | pd.DataFrame] = {}
    if margin is not None:
        further["margin"] = margin_test(test.conversions.lift, margin, levels)
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
@page_option
@as_json_option
def factorial(file: Path, factors: str, levels: tuple[float, ...], as_json: bool) -> None:
    """Two channels tested at once: FILE with user_id, conversions, the two arms, and where known cost.

    One row per user; each of the arms is treated or control, drawn independently of the other (2 × 2). Reads what either
    channel does alone, what both do together, and whether they help or replace each other (the interaction).
    """
    import pandas as pd

    from cpalab.refusal import LiftInputError, Problem, gathered
    from experiments.lift.estimate.lift_estimate import level_problems
    from experiments.lift.user.factorial_table import factorial_table_test

    problems: list[Problem | str] = [*level_problems(levels)]
    test = gathered(problems, lambda: factorial_table_test(read_table(file), names_in((factors,))))
    if test is None or problems:
        raise LiftInputError(problems)
    rows = [test.to_frame(level).assign(level=level) for level in levels]
    frame = pd.concat(rows, ignore_index=True)
    named = frame["contrast"].str.replace("first", test.first).str.replace("second", test.second).str.replace("_", " ")
    show(
        frame.assign(contrast=frame["contrast"] if as_json else named),
        test.summary(max(levels)),
        as_json,
        lambda shown: print_each(shown, "contrast"),
    )


command.add_command(geo)
command.add_command(switchback)
