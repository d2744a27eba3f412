"""`cpalab lift geo|switchback`: read a test of regions, or of days, from one's own table."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.cli.lift.calibration import Calibration, calibration_options
from experiments.cli.lift.geo_methods import chosen_geo_method, geo_method_option
from experiments.cli.lift.geo_panels import cells_in, panel_options, read_panel
from experiments.cli.lift.lift_options import alternative_option, as_json_option, margin_option, outcome_option
from experiments.cli.lift.lift_tables import (
    file_argument,
    folder_problems,
    geos_in,
    levels_option,
    page_option,
    print_each,
    print_lift,
    read_table,
    show,
    write_page,
    write_table,
)

if TYPE_CHECKING:
    import pandas as pd

    from cpalab.result import Result
    from experiments.lift.estimate.lift_estimate import Alternative
    from experiments.lift.geo.cells import GeoCellsTest
    from experiments.lift.geo.panel import MissingRows, Outcome
    from experiments.lift.geo.result import GeoLiftTest

__all__ = ["geo", "switchback"]


@click.command("geo")
@file_argument
@click.option("--treated", multiple=True, metavar="GEO,…",
              help="Geos whose ads were changed; may be repeated. Quote names with commas, or give them alone.")  # fmt: skip
@click.option("--start", required=True, metavar="DATE", help="First date of the test.")
@click.option("--end", required=True, metavar="DATE", help="Last date of the test.")
@click.option("--cooldown-days", type=int, default=0, show_default=True,
              help="Days after the test whose response still counts; whole rows of the table.")  # fmt: skip
@panel_options
@geo_method_option
@click.option(
    "--inference",
    help="For tbr: calibrated (default), autoregressive, independent, block_conformal. For synthetic controls: "
    "block_conformal (default), placebo. For trimmed_match: sign_flips (default), normal.",
)
@click.option("--scaling", type=click.Choice(["relative", "additive"]),
              help="For did and synthetic controls: growths (default), or responses.")  # fmt: skip
@click.option("--no-intercept", is_flag=True, help="For synthetic controls in additive scaling: levels must agree too.")
@click.option(
    "--penalty", type=float, help="For augmented_synthetic_control: the ridge, else chosen by leaving days out."
)
@click.option("--season-days", type=int, help="For structural: length of a season the controls do not share.")
@click.option("--pairs", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="For trimmed_match: a table with geo and pair.")  # fmt: skip
@outcome_option
@margin_option
@calibration_options
@click.option("--series", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the daily counterfactual to this CSV file.")  # fmt: skip
@click.option("--weights", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the weight of every control geo to this CSV file.")  # fmt: skip
@alternative_option
@levels_option
@page_option
@as_json_option
def geo(
    file: Path, treated: tuple[str, ...], start: str, end: str, cooldown_days: int, response: str | None,
    exclude: tuple[str, ...], force_control: tuple[str, ...], skip: tuple[str, ...], covariates: tuple[str, ...],
    missing_rows: "MissingRows",
    cells: tuple[str, ...], method: str, inference: str | None, scaling: str | None, no_intercept: bool,
    penalty: float | None, season_days: int | None, pairs: Path | None, outcome: "Outcome", margin: float | None,
    calibration: "Calibration | None", series: Path | None,
    weights: Path | None, alternative: "Alternative", levels: tuple[float, ...], as_json: bool,
) -> None:  # fmt: skip
    """Test of regions: FILE with location, date, Y and cost, or date, geo, response and cost.

    One row per geo and day (or week, month, quarter), from well before the test on; cost may be left out.
    """
    from dataclasses import replace

    import pandas as pd

    from cpalab.refusal import LiftInputError, Problem, gathered
    from experiments.cli.lift.calibration import calibration_row
    from experiments.lift.estimate.lift_estimate import level_problems
    from experiments.lift.estimate.margin import margin_test
    from experiments.lift.estimate.removed_ads import removed_ads_lift
    from experiments.lift.geo.cells import geo_cells_test
    from experiments.lift.geo.method import needs_pairs
    from experiments.lift.geo.panel import geo_experiment

    problems: list[Problem | str] = [*folder_problems(series, "--series"), *folder_problems(weights, "--weights")]
    if bool(treated) == bool(cells):
        problems.append("--treated, --cell: one of both must be given; name the geos whose ads were changed")
    problems += [
        f"{option}: must not be given with --cell; read one cell at a time, the others left out by --exclude"
        for option, given in (("--margin", margin), ("--calibration", calibration))
        if cells and given is not None
    ]
    problems += level_problems(levels)
    chosen = gathered(problems, lambda: chosen_geo_method(
        method, inference, season_days, pairs,
        scaling=scaling, intercept=False if no_intercept else None, penalty=penalty,
    ))  # fmt: skip
    if chosen is not None and needs_pairs(chosen):
        problems.append(f"--pairs: nothing given must be a table with geo and pair; {method} needs it")
    panel = gathered(problems, partial(read_panel, file, missing_rows, response, exclude, skip, covariates))
    if panel is None:
        raise LiftInputError(problems)
    design: dict[str, Any] = {
        "cooldown_days": cooldown_days,
        "outcome": outcome,
        "force_control": geos_in(force_control, panel.geos),
    }
    if cells:
        of_cells = gathered(problems, partial(cells_in, cells, panel.geos))
        if of_cells is None or chosen is None or problems:
            raise LiftInputError(problems)
        found = geo_cells_test(panel, of_cells, start, end, chosen.read, levels, **design)
        found = found.against(alternative)
        _write(dict(found.cells), series, weights, method)
        show_cells(found, as_json)
        return
    experiment = None
    if treated:
        experiment = gathered(
            problems, lambda: geo_experiment(panel, geos_in(treated, panel.geos), start, end, **design)
        )
    if experiment is None or chosen is None or problems:
        raise LiftInputError(problems)
    test = chosen.read(experiment, levels).against(alternative)
    _write({"": test}, series, weights, method)
    further: dict[str, Result | pd.DataFrame] = {}
    if margin is not None:
        # A go-dark test took ads away: its lift is seen from the other side.
        further["margin"] = margin_test(removed_ads_lift(test.lift) if test.cost < 0 else test.lift, margin, levels)
    if calibration is not None:
        calibration = replace(
            calibration, first_day=calibration.first_day or start, last_day=calibration.last_day or end
        )
        row = calibration_row(calibration, test.lift, test.cost)
        further[f"calibration_{calibration.model}"] = pd.DataFrame([row])
    show(test.to_frame(), test.summary(), as_json, print_lift, further)


def show_cells(found: "GeoCellsTest", as_json: bool) -> None:
    """Every cell as a table under its name, then the pairs of cells."""
    from experiments.cli.lift.lift_tables import print_frame
    from experiments.cli.terminal import console, print_json

    frame, pairs = found.to_frame(), found.comparison_frame()
    write_page(frame, found.summary())
    if as_json:
        print_json({"rows": frame.to_dict("records"), "pairs": pairs.to_dict("records"), "summary": found.summary()})
        return
    print_each(frame, "cell")
    console().print("Differences in lift between cells; limits hold for all pairs together:")
    print_frame(pairs)
    console().print(found.summary())


def _write(tests: "dict[str, GeoLiftTest]", series: Path | None, weights: Path | None, method: str) -> None:
    """The daily counterfactual and the weights, of every cell where there are several."""
    from cpalab.refusal import refuse

    problems = []
    if series is not None and any(test.series.empty for test in tests.values()):
        problems.append(f"--series: {method} has no daily counterfactual; leave it out or use tbr")
    if weights is not None and any(test.fit is None or not test.fit.weights for test in tests.values()):
        problems.append("--weights: this reading weighs no control geos; use synthetic_control")
    refuse(problems)
    if series is not None:
        write_table(_stacked({name: test.series for name, test in tests.items()}), series, "--series")
    if weights is not None:
        write_table(_stacked({name: test.weights_frame() for name, test in tests.items()}), weights, "--weights")


def _stacked(frames: "dict[str, pd.DataFrame]") -> "pd.DataFrame":
    """One frame below the other, with the name of each in front where it has one."""
    import pandas as pd

    if list(frames) == [""]:
        return frames[""]
    for name, frame in frames.items():
        frame.insert(0, "cell", name)
    return pd.concat(frames.values(), ignore_index=True)


@click.command("switchback")
@file_argument
@click.option("--block-days", type=int, required=True, help="Days between possible switches.")
@click.option("--washout-days", type=int, default=0, show_default=True,
              help="Days left out at the start of every block.")  # fmt: skip
@outcome_option
@alternative_option
@levels_option
@page_option
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
