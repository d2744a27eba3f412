"""`cpalab power`: plan a lift test before it is run."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.lift import BOUNDARY_NAMES, GEO_METHODS, as_json_option, read_out
from experiments.cli.options import chosen_scenario, scenario_options
from experiments.cli.own_data import file_argument, names_in, print_frame, read_table
from experiments.lift.designs.registry import GEO_DESIGNS, USER_DESIGNS, find_designs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.lift.geo.panel import GeoExperiment, MissingRows
    from experiments.lift.geo.power import SimulatedPower
    from experiments.lift.geo.result import GeoLiftTest
    from experiments.lift.group_sequential import Boundary
    from experiments.lift.power import Sides

PLANNED_METHODS = tuple(method for method in GEO_METHODS if method != "trimmed_match")

level_option = click.option("--level", type=float, default=0.95, show_default=True, help="Confidence level.")
power_option = click.option(
    "--power", type=float, default=0.80, show_default=True, help="Wanted probability of finding the lift."
)


@click.group()
def command() -> None:
    """Plan a lift test: how many people or regions, how long, what it can find, and what it costs."""


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
@click.option("--users-per-day", type=float, help="Users who enter the test per day.")
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
    treated_share: float, share_exposed: float, cost_per_treated_user: float, users_per_day: float | None,
    conversion_delay_days: float, alternative: "Sides", looks: int | None, boundary: "Boundary", level: float,
    power: float, as_json: bool,
) -> None:  # fmt: skip
    """Test of randomised people: give --lift for the users it needs, --users for the lift they find, or both."""
    from experiments.cli.tables import console, print_json
    from experiments.lift.group_sequential import GroupSequentialPlan
    from experiments.lift.power import UserTestDesign, plan_user_test

    design = UserTestDesign(
        baseline_rate,
        treated_share,
        outcome_sd,
        share_exposed,
        cost_per_treated_user,
        level,
        alternative,
        None if looks is None else GroupSequentialPlan.equally_spaced(looks, boundary),
    )
    plan = plan_user_test(
        design,
        users=users,
        relative_lift=relative_lift,
        power=power,
        users_per_day=users_per_day,
        conversion_delay_days=conversion_delay_days,
    )
    curve, shares = plan.power_curve(), plan.holdout_shares()
    if as_json:
        print_json(
            {
                "plan": plan.to_frame().to_dict("records")[0],
                "power_curve": curve.to_dict("records"),
                "holdout_shares": shares.to_dict("records"),
                "looks": [] if design.looks is None else design.looks.to_frame(level).to_dict("records"),
                "summary": plan.summary(),
            }
        )
        return
    print_frame(plan.to_frame())
    console().print("Power of this size for other lifts, and how much a significant estimate then exaggerates:")
    print_frame(curve)
    console().print("Other holdouts with as many users:")
    print_frame(shares)
    if design.looks is not None:
        print_frame(design.looks.to_frame(level))
    console().print(plan.summary())


@command.command("geo")
@file_argument
@click.option("--treated", multiple=True, metavar="GEO,…", help="Geos that would be treated.")
@click.option("--candidates", type=int, help="Instead of --treated: choose the best of so many random divisions.")
@click.option("--treated-share", type=float, default=0.5, show_default=True,
              help="Share of the geos that candidates treat.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the candidates.")
@click.option("--test-days", type=int, required=True, help="Length of the test.")
@click.option("--lift", "relative_lifts", type=float, multiple=True, default=(0.02, 0.05, 0.1, 0.15, 0.2), show_default=True,
              help="Lift to try; may be repeated.")  # fmt: skip
@click.option("--cost", type=float, help="Money the test would spend or save: gives the dearest detectable price.")
@click.option("--method", type=click.Choice(PLANNED_METHODS), default="tbr", show_default=True, help="Estimator.")
@click.option("--windows", type=int, default=50, show_default=True, help="Past windows to try it on.")
@click.option("--missing-rows", type=click.Choice(["refuse", "zero"]), default="refuse", show_default=True,
              help="What an absent row of a geo and day means.")  # fmt: skip
@level_option
@power_option
@as_json_option
def geo(
    file: Path, treated: tuple[str, ...], candidates: int | None, treated_share: float, seed: int, test_days: int,
    relative_lifts: tuple[float, ...], cost: float | None, method: str, windows: int, missing_rows: "MissingRows",
    level: float, power: float, as_json: bool,
) -> None:  # fmt: skip
    """Test of regions, tried on the past: FILE with location, date, Y or date, geo, response, without a test in it."""
    import numpy as np

    from experiments.lift.geo.assignment import share_problems, stratified_assignment
    from experiments.lift.geo.panel import geo_panel
    from experiments.lift.geo.power import power_problems, select_markets, simulated_power
    from experiments.lift.refusal import refuse

    problems = []
    if bool(treated) == (candidates is not None):
        problems.append("--treated, --candidates: one of both must be given; name the geos or let them be chosen")
    if candidates is not None and candidates < 1:
        problems.append(f"--candidates: {candidates} must be at least 1; 50 is a start")
    if windows < 1:
        problems.append(f"--windows: {windows} must be at least 1; more give finer shares")
    if candidates is not None:
        problems += share_problems(treated_share)
    refuse([*problems, *power_problems(relative_lifts, level, power)])
    # Past spending plays no part: lifts are added to the response.
    past = geo_panel(read_table(file).drop(columns="cost", errors="ignore"), missing_rows=missing_rows)

    def analyse(experiment: "GeoExperiment") -> "GeoLiftTest":
        return read_out(experiment, (level,), method)

    if candidates is None:
        found = simulated_power(
            past, names_in(treated), test_days, analyse,
            relative_lifts=relative_lifts, windows=windows, level=level, power=power,
        )  # fmt: skip
        summary, chosen = found.summary(), names_in(treated)
    else:
        rng = np.random.default_rng(seed)
        strata = max(1, min(4, len(past.geos) // 2))
        drawn = [
            stratified_assignment(past, rng, strata=strata, treated_share=treated_share).treated
            for _ in range(candidates)
        ]
        selection = select_markets(
            past, drawn, test_days, analyse, relative_lifts=relative_lifts, windows=windows, level=level, power=power
        )
        found, summary, chosen = selection.held_out, selection.summary(), list(selection.chosen)
    if cost is not None:
        dearest = found.highest_detectable_cost(cost)
        summary += (
            f" At {cost:z,.2f}, ads that cost more than {dearest:z,.2f} per incremental conversion would be hard to "
            "tell from ads that do nothing."
            if math.isfinite(dearest)
            else " Without a detectable lift, no price can be stated either."
        )
    show_power(found, chosen, summary, as_json)


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
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.cli.tables import console, print_json
    from experiments.lift.scenario_power import power_in_scenario
    from simulator.scenario.problems import Problem, ScenarioError, did_you_mean
    from simulator.world import thread_map

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


@command.command("markets")
@scenario_options
@click.option("--candidates", type=int, default=10, show_default=True, help="Random divisions of the geos to compare.")
@click.option("--treated-share", type=float, default=0.5, show_default=True, help="Share of the geos that they treat.")
@click.option("--repeats", type=int, default=20, show_default=True,
              help="Worlds without a test; half of them rank, the others judge.")  # fmt: skip
@click.option("--test-days", type=int, default=28, show_default=True, help="Length of the test, at the end of the run.")
@click.option("--lift", "relative_lifts", type=float, multiple=True, default=(0.02, 0.05, 0.1, 0.15, 0.2), show_default=True,
              help="Lift to try; may be repeated.")  # fmt: skip
@click.option("--method", type=click.Choice(PLANNED_METHODS), default="tbr", show_default=True, help="Estimator.")
@level_option
@power_option
@as_json_option
def markets(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    candidates: int, treated_share: float, repeats: int, test_days: int, relative_lifts: tuple[float, ...], method: str,
    level: float, power: float, as_json: bool,
) -> None:  # fmt: skip
    """Which geos of a SCENARIO to treat: divisions compared by their power in simulated worlds without a test."""
    import numpy as np

    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.lift.geo.assignment import share_problems, stratified_assignment
    from experiments.lift.geo.power import power_problems, select_markets_in_worlds
    from experiments.lift.geo.world import world_panel
    from experiments.lift.refusal import refuse
    from experiments.lift.scenario_power import seeded
    from simulator.world import simulate

    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    problems = []
    if len(chosen.population.geos) < 4:
        problems.append(
            f"population.geos: {len(chosen.population.geos)} must be at least 4; the preset dtc-geos has 40"
        )
    if candidates < 1:
        problems.append(f"--candidates: {candidates} must be at least 1; 10 is a start")
    if repeats < 2:
        problems.append(f"--repeats: {repeats} must be at least 2; half of the worlds judge the winner")
    if not 1 <= test_days <= chosen.run.days - 4:
        problems.append(
            f"--test-days: {test_days} must leave four days before it in worlds of {chosen.run.days:g} days"
        )
    refuse([*problems, *share_problems(treated_share), *power_problems(relative_lifts, level, power)])
    say_if_compiling(as_json)
    paid = chosen.paid_channels()
    untested = chosen.model_copy(update={"geo_tests": {}})
    panels = []
    with progress_bar(as_json) as report:
        for repeat in range(repeats):
            panels.append(world_panel(simulate(seeded(untested, repeat)), paid[0] if paid else ""))
            report("simulate", (repeat + 1) / repeats)
    rng = np.random.default_rng(chosen.run.seed)
    strata = max(1, min(4, len(panels[0].geos) // 2))
    drawn = [
        stratified_assignment(panels[0], rng, strata=strata, treated_share=treated_share).treated
        for _ in range(candidates)
    ]
    found = select_markets_in_worlds(
        panels, drawn, test_days, lambda experiment: read_out(experiment, (level,), method),
        relative_lifts=relative_lifts, level=level, power=power,
    )  # fmt: skip
    show_power(found.held_out, found.chosen, found.summary(), as_json)


def show_power(found: "SimulatedPower", treated: "Sequence[str]", summary: str, as_json: bool) -> None:
    """A power curve as a table and sentences, or as JSON."""
    from experiments.cli.tables import console, print_json

    curve = found.to_frame()
    if not as_json:
        print_frame(curve)
        console().print(summary)
        return
    least = found.minimum_detectable_lift
    print_json(
        {
            "treated": treated,
            "power_curve": curve.to_dict("records"),
            "minimum_detectable_lift": least if math.isfinite(least) else None,
            "false_alarm_rate": found.false_alarm_rate,
            "most_false_alarms": found.most_false_alarms,
            "windows": found.windows,
            "independent_windows": found.independent_windows,
            "summary": summary,
        }
    )
