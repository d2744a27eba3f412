"""`cpalab power`: plan a lift test before it is run."""

import os
from typing import TYPE_CHECKING

import click

from experiments.cli.lift.lift import BOUNDARY_NAMES
from experiments.cli.lift.lift_options import as_json_option
from experiments.cli.lift.lift_tables import print_frame
from experiments.cli.lift.power_geo import geo, markets, switchback
from experiments.cli.options import chosen_scenario, level_option, power_option, scenario_options
from experiments.designs.registry import GEO_DESIGNS, USER_DESIGNS, find_designs

if TYPE_CHECKING:
    from experiments.lift.sequential.group_sequential import Boundary
    from experiments.lift.user.plan import Sides


@click.group()
def command() -> None:
    """Plan a lift test: how many people or regions, how long, what it can find, and what it costs."""


command.add_command(geo)
command.add_command(markets)
command.add_command(switchback)


@command.command("user")
@click.option("--baseline-rate", type=float, required=True, help="Conversions (or value) per user without ads.")
@click.option(
    "--lift", "relative_lift", type=float, help="Lift to be found, among people whom an ad reaches; 0.1 is 10 %."
)
@click.option("--users", type=int, help="Users of both arms together.")
@click.option("--sd", "outcome_sd", type=float, help="Standard deviation of value per user; leave out for converters.")
@click.option("--treated-share", type=float, default=0.5, show_default=True, help="Share of users not held out.")
@click.option("--exposed-share", "share_exposed", type=float, default=1.0, show_default=True,
              help="Share of the treated users whom an ad reaches.")  # fmt: skip
@click.option("--cost-per-user", "cost_per_treated_user", type=float, default=0.0, show_default=True,
              help="Money spent per treated user.")  # fmt: skip
@click.option(
    "--budget", type=float, help="Money for the ads of the treated arm: with --cost-per-user it bounds the users."
)
@click.option("--cost-per-action", type=float,
              help="Expected cost per incremental action: what a budget buys, what the detectable lift costs.")  # fmt: skip
@click.option("--cluster-size", type=float, help="Users per household or account, where these are assigned as one.")
@click.option("--icc", type=float, help="With --cluster-size: correlation of outcomes within a cluster.")
@click.option("--cluster-size-cv", type=float, default=0.0, show_default=True,
              help="With --cluster-size: standard deviation ÷ mean of the sizes.")  # fmt: skip
@click.option("--eligible-share", type=float, default=1.0, show_default=True,
              help="Share of the people who come per day that may take part.")  # fmt: skip
@click.option("--users-per-day", type=float, help="Users who enter the test per day (before --eligible-share).")
@click.option("--delay-days", "conversion_delay_days", type=float, default=0.0, show_default=True,
              help="Days to wait for the last user's conversions.")  # fmt: skip
@click.option("--alternative", type=click.Choice(["two-sided", "greater"]), default="two-sided", show_default=True,
              help="Test for any effect, or for an increase only.")  # fmt: skip
@click.option("--looks", type=int, help="Equally spaced looks at the running test.")
@click.option("--boundary", type=click.Choice(BOUNDARY_NAMES), default="lan_demets_obrien_fleming",
              show_default=True, help="Boundary of the looks.")  # fmt: skip
@level_option
@power_option
@as_json_option
def user(
    baseline_rate: float, relative_lift: float | None, users: int | None, outcome_sd: float | None,
    treated_share: float, share_exposed: float, cost_per_treated_user: float, budget: float | None,
    cost_per_action: float | None, cluster_size: float | None, icc: float | None, cluster_size_cv: float,
    eligible_share: float, users_per_day: float | None,
    conversion_delay_days: float, alternative: "Sides", looks: int | None, boundary: "Boundary", level: float,
    power: float, as_json: bool,
) -> None:  # fmt: skip
    """Test of randomised people: give --lift for the users it needs, --users for the lift they find, or both.

    A --budget gives the users too (with --cost-per-user), or the lift that it buys (with --cost-per-action).
    """
    from cpalab.refusal import refuse
    from experiments.cli.terminal import console, print_json
    from experiments.lift.sequential.group_sequential import GroupSequentialPlan
    from experiments.lift.user.assigned_clusters import Clusters
    from experiments.lift.user.budget import Budget
    from experiments.lift.user.plan import UserTestDesign, plan_user_test

    problems = []
    if (cluster_size is None) != (icc is None):
        problems.append("--cluster-size, --icc: both must be given; --cluster-size 2.4 --icc 0.05")
    if cluster_size_cv and cluster_size is None:
        problems.append(f"--cluster-size-cv: {cluster_size_cv} must not be given without --cluster-size")
    if budget is not None and not cost_per_treated_user and cost_per_action is None:
        problems.append(
            "--budget: must come with --cost-per-user (how many users it lasts for) or --cost-per-action (what it buys)"
        )
    refuse(problems)
    money = Budget(budget, cost_per_action)
    design = UserTestDesign(
        baseline_rate,
        treated_share,
        outcome_sd,
        share_exposed,
        cost_per_treated_user,
        level,
        alternative,
        None if looks is None else GroupSequentialPlan.equally_spaced(looks, boundary),
        None if cluster_size is None or icc is None else Clusters(cluster_size, icc, cluster_size_cv),
    )
    if users is None and relative_lift is None:
        users = money.users(design)
    if relative_lift is None and users is not None:
        relative_lift = money.relative_lift(design, users)
    plan = plan_user_test(
        design,
        users=users,
        relative_lift=relative_lift,
        power=power,
        users_per_day=users_per_day,
        conversion_delay_days=conversion_delay_days,
        eligible_share=eligible_share,
    )
    summary, needed = " ".join((plan.summary(), *money.sentences(plan))), money.needed(plan)
    frame = plan.to_frame() if needed is None else plan.to_frame().assign(budget_for_minimum_detectable_lift=needed)
    curve, shares = plan.power_curve(), plan.holdout_shares()
    if as_json:
        print_json(
            {
                "plan": frame.to_dict("records")[0],
                "power_curve": curve.to_dict("records"),
                "holdout_shares": shares.to_dict("records"),
                "looks": [] if design.looks is None else design.looks.to_frame(level).to_dict("records"),
                "summary": summary,
            }
        )
        return
    print_frame(frame)
    console().print("Power of this size for other lifts, and how much a significant estimate then exaggerates:")
    print_frame(curve)
    console().print("Other holdouts with as many users:")
    print_frame(shares)
    if design.looks is not None:
        print_frame(design.looks.to_frame(level))
    console().print(summary)


@command.command("scenario")
@scenario_options
@click.option("--channel", required=True, help="The channel to be tested.")
@click.option("--design", default="ghost_ads", show_default=True,
              help=f"A lift-test design: {', '.join(USER_DESIGNS)}; of regions, which need geos (dtc-geos): "
              f"{', '.join(GEO_DESIGNS)}.")  # fmt: skip
@click.option("--repeats", type=int, default=20, show_default=True, help="Worlds to try it in.")
@click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1,
              help="Worlds at once; the same results. Default: all cores.")  # fmt: skip
@level_option
@power_option
@as_json_option
def scenario(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    channel: str, design: str, repeats: int, threads: int, level: float, power: float, as_json: bool,
) -> None:  # fmt: skip
    """Any design, tried in worlds of a SCENARIO: power curve, detectable effect and price, bias, coverage, cost.

    Each world has a seed of its own and its twin-world truth.
    """
    from cpalab.refusal import Problem, ScenarioError, did_you_mean
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.cli.terminal import console, print_json
    from experiments.designs.power import power_in_scenario
    from simulator.playing import thread_map

    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    (wanted,) = find_designs([design])
    if channel not in (paid := chosen.paid_channels()):
        raise ScenarioError(
            [Problem("--channel", "is no channel with campaigns", channel, did_you_mean(channel, paid))]
        )
    say_if_compiling(as_json)
    with progress_bar(as_json) as report, thread_map(threads) as map_:
        found = power_in_scenario(
            chosen, channel, wanted, repeats=repeats, level=level, power=power, map_=map_,
            progress=lambda share: report("simulate", share),
        )  # fmt: skip
    if as_json:
        print_json(
            {
                "power_curve": found.curve().to_dict("records"),
                "replicates": found.to_frame().to_dict("records"),
                "summary": found.summary(),
            }
        )
        return
    print_frame(found.curve())
    console().print(found.summary())
