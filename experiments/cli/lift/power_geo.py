"""`cpalab power geo|markets|switchback`: plan a test of regions, or of days."""

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.cli.lift.geo_methods import chosen_geo_method, geo_method_option
from experiments.cli.lift.geo_panels import cells_in, panel_options, read_panel
from experiments.cli.lift.lift_options import as_json_option
from experiments.cli.lift.lift_tables import (
    file_argument,
    folder_problems,
    geos_in,
    print_frame,
    read_table,
    write_table,
)
from experiments.cli.options import chosen_scenario, level_option, power_option, scenario_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from experiments.lift.geo.panel import MissingRows
    from experiments.lift.geo.planning.assignment import AssignmentMethod
    from experiments.lift.geo.planning.power import SimulatedPower

WEEKS = (7, 14, 21, 28, 42, 56)
ASSIGNMENTS = ("stratified", "constrained", "matched_pairs")
LENGTHS = (
    "Other lengths, by formula (neighbouring days alike, the control at its mean, geos that keep their relation), and the "
    "conversions that a go-dark test of ads with just that lift forgoes:"
)


@click.command("geo")
@file_argument
@click.option("--treated", multiple=True, metavar="GEO,…",
              help="Geos that would be treated; may be repeated. Quote names with commas, or give them alone.")  # fmt: skip
@click.option("--candidates", type=int, help="Instead of --treated: choose the best of so many random divisions.")
@click.option("--assignment", type=click.Choice(ASSIGNMENTS), default="stratified", show_default=True,
              help="How candidates are drawn: by strata of size; the best balanced of a thousand such; one of each pair of "
              "like size.")  # fmt: skip
@click.option("--treated-share", type=float, help="Share of the geos that candidates treat.  [default: 0.5]")
@click.option("--plan", type=click.Path(dir_okay=False, path_type=Path),
              help="Write geo, arm and pair of every geo to this CSV file.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the candidates.")
@click.option("--test-days", type=int, required=True, help="Length of the test.")
@click.option("--lift", "relative_lifts", type=float, multiple=True, default=(0.02, 0.05, 0.1, 0.15, 0.2), show_default=True,
              help="Lift to try; may be repeated.")  # fmt: skip
@click.option("--cost", type=float, help="Money the test would spend or save: gives the dearest detectable price.")
@geo_method_option
@click.option("--windows", type=int, default=50, show_default=True, help="Past windows to try it on.")
@panel_options
@level_option
@power_option
@as_json_option
def geo(
    file: Path, treated: tuple[str, ...], candidates: int | None, assignment: "AssignmentMethod",
    treated_share: float | None, plan: Path | None, seed: int, test_days: int, relative_lifts: tuple[float, ...],
    cost: float | None, method: str, windows: int, response: str | None, exclude: tuple[str, ...],
    force_control: tuple[str, ...], skip: tuple[str, ...], covariates: tuple[str, ...],
    missing_rows: "MissingRows", cells: tuple[str, ...],
    level: float, power: float, as_json: bool,
) -> None:  # fmt: skip
    """Test of regions, tried on the past: FILE with location, date, Y or date, geo, response, without a test in it.

    For tbr, the detectable lift of other lengths is given by formula; trimmed_match needs matched pairs.
    """
    import numpy as np

    from cpalab.refusal import LiftInputError, Problem, gathered
    from experiments.lift.geo.cells import cell_problems, without_geos
    from experiments.lift.geo.method import needs_pairs, with_pairs
    from experiments.lift.geo.methods.tbr import TimeBasedRegression
    from experiments.lift.geo.panel import unknown_geos
    from experiments.lift.geo.planning.assignment import (
        draw_assignment,
        given_assignment,
        matched_pairs,
        share_problems,
        with_forced_control,
    )
    from experiments.lift.geo.planning.durations import detectable_lift_by_days
    from experiments.lift.geo.planning.power import power_problems, select_markets, simulated_power

    problems: list[Problem | str] = []
    if sum((bool(treated), bool(cells), candidates is not None)) != 1:
        problems.append(
            "--treated, --candidates, --cell: one of them must be given; name the geos, let them be chosen, or name cells"
        )
    if cells and plan is not None:
        problems.append("--plan: must not be given with --cell; the cells are the plan")
    if candidates is not None and candidates < 1:
        problems.append(f"--candidates: {candidates} must be at least 1; 50 is a start")
    if windows < 1:
        problems.append(f"--windows: {windows} must be at least 1; more give finer shares")
    if treated_share is not None:
        problems += share_problems(treated_share)
        if candidates is None or assignment == "matched_pairs":
            problems.append("--treated-share: must not be given with named geos or pairs; half of each pair is treated")
    estimator = gathered(problems, partial(chosen_geo_method, method))
    if estimator is not None and needs_pairs(estimator) and (candidates is None or assignment != "matched_pairs"):
        problems.append(f"--method: {method} needs --candidates and --assignment matched_pairs; pairs carry it")
    problems += folder_problems(plan, "--plan")
    problems += power_problems(relative_lifts, level, power)
    # Past spending plays no part: lifts are added to the response.
    past = gathered(
        problems, partial(read_panel, file, missing_rows, response, exclude, skip, covariates, with_cost=False)
    )
    if past is None:
        raise LiftInputError(problems)
    rows = gathered(problems, partial(past.step.rows_in, test_days, "--test-days"))
    forced = geos_in(force_control, past.geos)
    problems += unknown_geos(past, forced, "--force-control")
    problems += [
        f"--force-control: {geo} must not be treated too; a geo has one arm"
        for geo in sorted(set(forced) & set(geos_in(treated, past.geos)))
    ]
    of_cells = gathered(problems, partial(cells_in, cells, past.geos)) if cells else None
    if of_cells is not None:
        problems += cell_problems(past, of_cells)
    if rows is None or estimator is None or problems:
        raise LiftInputError(problems)
    options: dict[str, Any] = {"relative_lifts": relative_lifts, "windows": windows, "level": level, "power": power}
    if of_cells is not None:
        show_cell_powers(
            {
                name: simulated_power(
                    without_geos(past, [geo for other in of_cells if other != name for geo in of_cells[other]]),
                    geos, rows, estimator, **options,
                )
                for name, geos in of_cells.items()
            },
            cost,
            as_json,
        )  # fmt: skip
        return
    estimator = with_pairs(
        estimator, matched_pairs(without_geos(past, forced)) if assignment == "matched_pairs" else ()
    )

    if candidates is None:
        found = simulated_power(past, geos_in(treated, past.geos), rows, estimator, **options)
        summary, chosen = found.summary(), given_assignment(past, geos_in(treated, past.geos))
    else:
        rng = np.random.default_rng(seed)
        free = without_geos(past, forced)
        drawn = [
            with_forced_control(past, draw_assignment(free, assignment, rng, treated_share or 0.5), forced)
            for _ in range(candidates)
        ]
        selection = select_markets(past, [division.treated for division in drawn], rows, estimator, **options)
        found, summary = selection.held_out, selection.summary()
        chosen = next(division for division in drawn if division.treated == selection.chosen)
    if past.filled:
        summary += f" {past.filled:,} pairs of geo and date had no row in the table and count as zero."
    summary += _dearest(found, cost)
    if plan is not None:
        write_table(chosen.to_frame(), plan, "--plan")
    lengths = None
    if isinstance(estimator, TimeBasedRegression):
        lengths = detectable_lift_by_days(
            past, chosen.treated, [past.step.days * k for k in (1, 2, 3, 4, 6, 8)] if past.step.days > 1 else WEEKS,
            level=level, power=power,
        ) if past.step.days else None  # fmt: skip
        summary += (
            " The past is tried as it was, in few windows; the formula takes it as it is on average: where they differ, plan "
            "with the larger lift."
        )
    show_power(found, chosen.treated, f"{chosen.summary()} {summary}", as_json, lengths)


@click.command("markets")
@scenario_options
@click.option("--candidates", type=int, default=10, show_default=True, help="Random divisions of the geos to compare.")
@click.option("--treated-share", type=float, default=0.5, show_default=True, help="Share of the geos that they treat.")
@click.option("--repeats", type=int, default=20, show_default=True,
              help="Worlds without a test; half of them rank, the others judge.")  # fmt: skip
@click.option("--test-days", type=int, default=28, show_default=True, help="Length of the test, at the end of the run.")
@click.option("--lift", "relative_lifts", type=float, multiple=True, default=(0.02, 0.05, 0.1, 0.15, 0.2), show_default=True,
              help="Lift to try; may be repeated.")  # fmt: skip
@geo_method_option
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

    from cpalab.refusal import refuse
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.designs.power import seeded
    from experiments.designs.regions.geo_books import world_panel
    from experiments.lift.geo.method import needs_pairs
    from experiments.lift.geo.planning.assignment import draw_assignment, share_problems
    from experiments.lift.geo.planning.power import power_problems, select_markets_in_worlds
    from simulator.world import simulate

    chosen = chosen_scenario(scenario, users, days, seed, overrides)
    estimator = chosen_geo_method(method)
    problems = []
    if needs_pairs(estimator):
        problems.append(f"--method: {method} needs pairs, which these divisions have none of; use tbr")
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
    drawn = [draw_assignment(panels[0], "stratified", rng, treated_share).treated for _ in range(candidates)]
    found = select_markets_in_worlds(
        panels, drawn, test_days, estimator,
        relative_lifts=relative_lifts, level=level, power=power,
    )  # fmt: skip
    show_power(found.held_out, found.chosen, found.summary(), as_json)


@click.command("switchback")
@file_argument
@click.option("--block-days", type=int, required=True, help="Days between possible switches.")
@click.option("--blocks", type=int, required=True, help="Number of blocks; of each pair one is on.")
@click.option("--washout-days", type=int, default=0, show_default=True,
              help="Days left out at the start of every block.")  # fmt: skip
@click.option("--lift", "relative_lifts", type=float, multiple=True, default=(0.02, 0.05, 0.1, 0.15, 0.2), show_default=True,
              help="Lift to try; may be repeated.")  # fmt: skip
@click.option("--schedules", type=int, default=200, show_default=True, help="Random schedules to try.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the schedules.")
@level_option
@power_option
@as_json_option
def switchback(
    file: Path, block_days: int, blocks: int, washout_days: int, relative_lifts: tuple[float, ...], schedules: int,
    seed: int, level: float, power: float, as_json: bool,
) -> None:  # fmt: skip
    """Test of ads switched on and off, tried on the past: FILE with date and response, a row per day, nothing switched."""
    import numpy as np

    from experiments.lift.geo.planning.switchback_power import switchback_power

    found = switchback_power(
        read_table(file), block_days, blocks, np.random.default_rng(seed), washout_days=washout_days,
        relative_lifts=relative_lifts, schedules=schedules, level=level, power=power,
    )  # fmt: skip
    show_power(found, (), found.summary(), as_json)


def _dearest(found: "SimulatedPower", cost: float | None) -> str:
    """A sentence on the dearest conversions that a test of this cost could tell from none."""
    if cost is None:
        return ""
    dearest = found.highest_detectable_cost(cost)
    if not math.isfinite(dearest):
        return " Without a detectable lift, no price can be stated either."
    return (
        f" At {cost:z,.2f}, ads that cost more than {dearest:z,.2f} per incremental conversion would be hard to tell from "
        "ads that do nothing."
    )


def show_cell_powers(found: "dict[str, SimulatedPower]", cost: float | None, as_json: bool) -> None:
    """The power curve of every cell against the geos in none, as tables and sentences, or as JSON."""
    from experiments.cli.terminal import console, print_json

    if as_json:
        print_json(
            {
                "cells": {
                    name: {"power_curve": each.to_frame().to_dict("records"), "summary": each.summary()}
                    for name, each in found.items()
                }
            }
        )
        return
    for name, each in found.items():
        console().print(f"Cell {name}")
        print_frame(each.to_frame())
        console().print(each.summary() + _dearest(each, cost))


def show_power(
    found: "SimulatedPower",
    treated: "Sequence[str]",
    summary: str,
    as_json: bool,
    lengths: "pd.DataFrame | None" = None,
) -> None:
    """A power curve as a table and sentences, or as JSON; other lengths of the test where a formula tells them."""
    from experiments.cli.terminal import console, print_json

    curve = found.to_frame()
    if not as_json:
        print_frame(curve)
        if lengths is not None:
            console().print(LENGTHS)
            print_frame(lengths)
        console().print(summary)
        return
    least = found.minimum_detectable_lift
    print_json(
        {
            "treated": list(treated),
            "power_curve": curve.to_dict("records"),
            "minimum_detectable_lift": least if math.isfinite(least) else None,
            "false_alarm_rate": found.false_alarm_rate,
            "most_false_alarms": found.most_false_alarms,
            "windows": found.windows,
            "independent_windows": found.independent_windows,
            "summary": summary,
        }
        | ({} if lengths is None else {"lengths": lengths.to_dict("records")})
    )
