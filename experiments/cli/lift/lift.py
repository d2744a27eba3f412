"""`cpalab lift`: read a lift test from one's own table."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.lift.lift_geo import geo, switchback
from experiments.cli.lift.lift_options import alternative_option, as_json_option
from experiments.cli.lift.lift_tables import (
    file_argument,
    levels_option,
    names_in,
    print_each,
    print_lift,
    read_table,
    show,
)

if TYPE_CHECKING:
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
@click.option(
    "--treated-share", "planned_treated_share", type=float, help="Planned share of treated users; checks the arm sizes."
)
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
@as_json_option
def user(
    file: Path, design: "UserDesign", method: "LiftMethod", planned_treated_share: float | None,
    adjusted: bool, information_fraction: float | None, look: int | None, looks: int | None, boundary: "Boundary | None",
    alternative: "Alternative", levels: tuple[float, ...], as_json: bool,
) -> None:  # fmt: skip
    """Test of randomised people: FILE with user_id, arm, conversions, cost and where known exposed, value.

    One row per user; arm is treated or control, exposed is true or false: whether an ad reached the user or, in the control
    arm, would have (a ghost ad was logged). With pre_period_conversions, from before the test, the arms are checked for
    differences that no ad can have made. With cluster_id, the household or account that was assigned as one, errors are
    those of clusters. With value, the return on ad spend and the change of value per conversion are read too.

    Several exclusive arms: arm is control or the name of a channel; every channel is compared with the control, and p-values
    and intervals hold for all of them together.
    """
    from cpalab.refusal import refuse
    from experiments.lift.sequential.early_reading import EarlyReading
    from experiments.lift.user.several_arms import arms_of, several_arms_test
    from experiments.lift.user.user_table import user_table_test

    early = information_fraction is not None or look is not None
    table = read_table(file)
    if arms_of(table):
        one_holdout = (
            ("--method", method != "auto"),
            ("--treated-share", planned_treated_share is not None),
            ("--adjusted", adjusted),
            ("--information, --look", early),
            ("--alternative", alternative != "two-sided"),
        )
        refuse(
            [f"{option}: must not be given with several arms; read one arm at a time" for option, x in one_holdout if x]
        )
        family = several_arms_test(table, levels, design=design)
        show(family.to_frame(), family.summary(), as_json, lambda shown: print_each(shown, "arm"))
        return
    given = (look, looks, boundary, information_fraction)
    early_reading = None if given == (None,) * len(given) else EarlyReading(*given)
    test = user_table_test(
        table,
        levels,
        design=design,
        method=method,
        planned_treated_share=planned_treated_share,
        adjusted=adjusted,
    )
    if early_reading is not None:
        test = early_reading.of(test)
    test = test.against(alternative)
    show(test.to_frame(), test.summary(), as_json, print_lift)


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


command.add_command(geo)
command.add_command(switchback)
