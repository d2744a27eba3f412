"""Power of geo tests: the published formula, simulation on the past, and what selection promises."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import fdtri, stdtrit

from cpalab.refusal import LiftInputError
from experiments.lift.geo.methods.did import DifferenceInDifferences, difference_in_differences
from experiments.lift.geo.methods.synthetic_control import SyntheticControl, synthetic_control
from experiments.lift.geo.methods.tbr import TimeBasedRegression, time_based_regression, time_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment
from experiments.lift.geo.planning.durations import required_impact
from experiments.lift.geo.planning.power import (
    MarketSelection,
    SimulatedPower,
    power_over_windows,
    select_markets,
    simulated_power,
)

regression = TimeBasedRegression("independent")


def test_published_required_impacts(reference):
    for row in reference("tbr_mde/expected.json")["vectors"]:
        ours = required_impact(
            1.0, row["n"], row["n_test"], level=row["sig"], power=row["power"], shift_level=row["flevel"]
        )
        assert ours == pytest.approx(row["term"], abs=6e-4)


def test_the_required_impact_is_detected_with_the_stated_power(binomial_band):
    # 4,000 seeded tests whose control stays within its past as the formula assumes on average; 3.3 standard
    # errors around the power at the mean shift.
    rng = np.random.default_rng(1)
    n, m, replications = 42, 14, 4_000
    x = np.concatenate([rng.normal(100.0, 5.0, n), np.zeros(m)])
    phi = fdtri(1, n - 1, 0.90)
    # A test mean of the control whose squared distance from the past is the one φ stands for.
    shift = np.sqrt(phi * (n + 1) / (n * m) * x[:n].var(ddof=1))
    x[n:] = x[:n].mean() + shift
    impact = required_impact(1.0, n, m)
    found = 0
    for _ in range(replications):
        y = 5 + 0.8 * x + rng.normal(0.0, 1.0, n + m)
        y[n:] += impact / m
        fitted = time_regression(y, np.column_stack([np.ones(n + m), x]), n)
        error, df = fitted.independent_errors()
        found += fitted.effect > -stdtrit(df, 0.10) * error
    assert found / replications == pytest.approx(0.80, abs=binomial_band(0.80, replications) + 0.01)


def test_power_rises_with_the_lift(panel_of_geos):
    panel = panel_of_geos(2, days=200, noise=0.03)
    power = simulated_power(panel, panel.geos[:8], 14, regression, relative_lifts=(0.3, 0.01, 0.05))
    assert power.relative_lifts.tolist() == [0.0, 0.01, 0.05, 0.3]
    assert power.rejected[-1] == 1.0
    assert (np.diff(power.rejected[1:]) >= 0).all()
    assert power.false_alarm_rate < 0.35
    assert 0.01 <= power.minimum_detectable_lift <= 0.3
    assert power.independent_windows == 7
    assert power.response == pytest.approx(14 * panel.response[:8].sum(axis=0).mean(), rel=0.05)
    dearest = power.highest_detectable_cost(1_000.0)
    assert dearest * power.minimum_detectable_lift * power.response == pytest.approx(1_000.0)
    assert "7 fit side by side" in power.summary()
    assert power.to_frame()["power"].tolist() == power.rejected.tolist()


def test_no_tried_lift_may_be_detectable(panel_of_geos):
    panel = panel_of_geos(3, days=120, noise=0.3)
    power = simulated_power(panel, ["g00"], 14, regression, relative_lifts=(0.001,))
    assert power.minimum_detectable_lift == np.inf
    assert "No lift tried, up to 0.1%, is found in at least 80%" in power.summary()


def test_work_can_be_handed_to_other_processes(panel_of_geos):
    panel, seen = panel_of_geos(4, days=120), []

    def spy(function, tasks):
        seen.append("called")
        return [function(task) for task in tasks]

    plain = simulated_power(panel, panel.geos[:5], 14, regression)
    spied = simulated_power(panel, panel.geos[:5], 14, regression, map_=spy)
    assert seen == ["called"]
    np.testing.assert_array_equal(plain.rejected, spied.rejected)


def test_the_chosen_markets_are_judged_on_days_held_out(panel_of_geos):
    panel = panel_of_geos(5, days=240, noise=0.05)
    rng = np.random.default_rng(6)
    candidates = [tuple(rng.choice(panel.geos, 6, replace=False)) for _ in range(8)]
    chosen = select_markets(panel, candidates, 14, regression, windows=15)
    errors = chosen.ranking["error"]
    best = chosen.ranking["minimum_detectable_lift"]
    assert best.is_monotonic_increasing
    assert chosen.chosen == chosen.ranking["treated"][0]
    assert len(errors) == 8
    assert "On days held out" in chosen.summary()
    # None of the windows it is judged on overlaps the days on which it was chosen.
    assert chosen.held_out.errors.size <= 240 // 3 - 14 + 1


def test_the_winner_promises_more_than_it_keeps(panel_of_geos):
    # 8 seeded panels: on average the error of the winner is larger on days held out than where it won.
    promised, kept = [], []
    for seed in range(8):
        panel = panel_of_geos(seed, geos=16, days=240, rho=0.5)
        rng = np.random.default_rng(seed)
        candidates = [tuple(rng.choice(panel.geos, 4, replace=False)) for _ in range(12)]
        chosen = select_markets(panel, candidates, 21, regression, windows=6, relative_lifts=(9.0,))
        promised.append(chosen.ranking["error"][0])
        kept.append(np.std(chosen.held_out.errors))
    assert np.mean(kept) > np.mean(promised)


def test_bad_requests_are_refused(panel_of_geos):
    panel = panel_of_geos(7)
    with pytest.raises(LiftInputError) as refusal:
        simulated_power(panel, ["g99"], 60, regression, relative_lifts=(-0.1,))
    assert [problem.split(":")[0] for problem in refusal.value.lines] == [
        "treated",
        "test_days",
        "relative_lifts",
    ]
    with pytest.raises(LiftInputError, match="candidates"):
        select_markets(panel, [], 14, regression)
    with pytest.raises(LiftInputError, match="more of the past"):
        select_markets(panel, [["g00"]], 40, regression)
    with pytest.raises(LiftInputError) as refusal:
        required_impact(0.0, 3, 0, power=0.2)
    assert len(refusal.value.lines) == 4


def test_simulation_and_formula_agree_on_a_quiet_series(panel_of_geos):
    # Independent errors: the detectable total by formula (no shift of the control) is found about as often
    # in simulated windows. One seeded panel, 60 windows: a band of .80 ± .25.
    panel = panel_of_geos(8, days=400, noise=0.05)
    n, m = 200, 14
    treated = panel.geos[:8]
    experiment = geo_experiment(panel, treated, str(panel.dates[n]), str(panel.dates[n + m - 1]))
    x = experiment.control.sum(axis=0)
    fitted = time_regression(experiment.treated.sum(axis=0), np.column_stack([np.ones(x.size), x]), n)
    sigma = np.sqrt(fitted.residuals @ fitted.residuals / fitted.df)
    impact = required_impact(sigma, n, m, level=0.95, shift_level=0.5)
    lift = impact / (m * experiment.treated[:, :n].sum(axis=0).mean())
    power = simulated_power(panel, treated, m, regression, relative_lifts=(lift,), windows=60)
    assert power.rejected[1] == pytest.approx(0.80, abs=0.25)


def tried(rejected, windows=20, independent_windows=20, tried_on="past windows"):
    return SimulatedPower(
        np.array([0.0, 0.05, 0.1]), np.array(rejected), np.zeros(windows), windows, independent_windows, 100.0,
        0.95, 0.80, tried_on,
    )  # fmt: skip


def test_a_detectable_lift_is_the_smallest_found_often_enough_and_says_how_often():
    power = tried([0.05, 0.5, 0.9])
    assert power.minimum_detectable_lift == 0.1
    assert "found in at least 80% of 20 past windows is 10.0% (found in 90%)" in power.summary()
    assert "1 of 20 raise a false alarm (intervals at 95% should in 5%" in power.summary()


def test_more_false_alarms_than_chance_explains_leave_no_detectable_lift():
    # α + 2.33·√(α(1 − α)/n): 0.164 for 20 independent windows, 0.304 for four.
    assert tried([0.15, 0.9, 1.0]).minimum_detectable_lift == 0.05
    assert tried([0.20, 0.9, 1.0], independent_windows=4).minimum_detectable_lift == 0.05
    alarming = tried([0.20, 0.9, 1.0])
    assert alarming.most_false_alarms == pytest.approx(0.05 + 2.33 * np.sqrt(0.05 * 0.95 / 20))
    assert alarming.minimum_detectable_lift == np.inf
    assert np.isnan(alarming.highest_detectable_cost(100.0))
    assert "false alarms in 4 of 20 past windows" in alarming.summary()
    assert "chance explains up to 16%" in alarming.summary()
    assert "no detectable lift can be stated" in alarming.summary()


def test_overlapping_windows_tell_how_coarse_their_shares_are():
    assert (
        "4 fit side by side, so that shares are as coarse as steps of 25%"
        in tried([0, 0, 1], independent_windows=4).summary()
    )
    assert "all of this is one try" in tried([0, 0, 1], independent_windows=1).summary()
    assert "shares move in steps of 5%" in tried([0, 0, 1]).summary()


def test_a_selection_without_a_detectable_lift_says_so_in_words():
    ranking = pd.DataFrame({"treated": [("a",)], "error": [0.1], "minimum_detectable_lift": [np.inf]})
    said = MarketSelection(ranking, ("a",), tried([0, 0, 0], tried_on="simulated worlds")).summary()
    assert "none of which has a detectable lift where they were compared" in said
    assert "In worlds held out: No lift tried, up to 10.0%, is found in at least 80% of 20 simulated worlds" in said
    assert "inf" not in said


# ---------------------------------------------------------------- what is reported as detectable is found, on new days


def quiet_panel(rng, pre_days, test_days, effect=0.0):
    """A treated and a control total with independent errors; the effect is spread over the window."""
    x = rng.normal(100.0, 5.0, pre_days + test_days)
    y = 5 + 0.8 * x + rng.normal(0.0, 2.0, x.size)
    y[pre_days:] += effect / test_days
    return GeoPanel(("control", "treated"), np.datetime64("2026-01-01") + np.arange(x.size), np.vstack([x, y]))


def found_at_the_required_impact(replications, seed, n=56, m=14):
    """Share of tests that find the total which a formula, fed with days of the past, says is found with 80 %."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(replications):
        x, y = quiet_panel(rng, n, m).response
        past = time_regression(y, np.column_stack([np.ones(n + m), x]), n)
        impact = required_impact(np.sqrt(past.residuals @ past.residuals / past.df), n, m)
        panel = quiet_panel(rng, n, m, impact)
        experiment = GeoExperiment(panel, np.array([False, True]), n, m)
        found += regression.read(experiment).lift.verdict(0.90, "greater") == 1
    return found / replications


def test_the_required_impact_is_found_on_days_held_out():
    # 1,000 tests: .8 ± .04 is 3.2 standard errors. The residual error is estimated from days that take no part in the
    # test, and the room the formula leaves for a wandering control adds about .01 where, as here, it stays.
    assert found_at_the_required_impact(1_000, seed=2) == pytest.approx(0.80, abs=0.04)


def found_at_the_simulated_lift(windows, held_out, steps, seed):
    """Power on windows held out of the lift that `power_over_windows` reports as detectable, and what it promised."""
    rng = np.random.default_rng(seed)
    n, m = 56, 14
    lifts = np.linspace(0.008, 0.024, steps)
    options = {"independent_windows": windows, "level": 0.90, "power": 0.80}
    past = power_over_windows(
        [quiet_panel(rng, n, m) for _ in range(windows)], ["treated"], m, regression, relative_lifts=lifts, **options
    )
    least = past.minimum_detectable_lift
    assert lifts[0] < least < lifts[-1]
    new = power_over_windows(
        [quiet_panel(rng, n, m) for _ in range(held_out)],
        ["treated"],
        m,
        regression,
        relative_lifts=(least,),
        **options,
    )
    return float(new.rejected[1])


def test_the_simulated_detectable_lift_is_found_on_windows_held_out():
    # 100 windows to choose it and 200 to judge it: ± .16 is 3.3 standard errors of both; lifts a quarter apart may promise up
    # to .1 more than wanted, which is seen as power.
    found = found_at_the_simulated_lift(100, 200, 5, seed=3)
    assert 0.80 - 0.16 <= found <= 0.80 + 0.16 + 0.10


@pytest.mark.study
def test_the_simulated_detectable_lift_is_found_in_the_long_run():
    # 1,000 windows held out: .04 is 2.8 standard errors, with those of the 3,000 that chose it; lifts are .001 apart.
    assert found_at_the_simulated_lift(3_000, 1_000, 17, seed=4) == pytest.approx(0.80, abs=0.04)


def test_adding_lifts_finds_what_reading_each_anew_finds(panel_of_geos):
    panel = panel_of_geos(5, days=120, rho=0.3)
    treated = panel.geos[:6]
    for method, function in (
        (DifferenceInDifferences(), difference_in_differences),
        (TimeBasedRegression(), time_based_regression),
        (SyntheticControl(), lambda experiment: synthetic_control(experiment, augmentation="none")),
    ):
        quick, slow = (
            simulated_power(panel, treated, 14, analyse, windows=4, relative_lifts=(0.02, 0.05))
            for analyse in (method, function)
        )
        np.testing.assert_array_equal(quick.found, slow.found)
        np.testing.assert_allclose(quick.errors, slow.errors)


def test_the_choice_tells_how_stable_it_is(panel_of_geos):
    # Of twenty sets of equally noisy geos none is the best for certain; a set of quiet ones beside loud ones is.
    panel = panel_of_geos(5, geos=24, days=200)
    rng = np.random.default_rng(1)
    alike = [tuple(rng.choice(panel.geos, 6, replace=False)) for _ in range(20)]
    chance = select_markets(panel, alike, 14, DifferenceInDifferences(), windows=12, relative_lifts=(0.01, 0.02, 0.03))
    assert chance.top_share.sum() == pytest.approx(1.0)
    assert chance.ranking["top_share"].tolist() == chance.top_share.tolist()
    assert "it stays the best in" in chance.summary()
    loud = panel.response.copy()
    loud[12:] *= np.exp(0.4 * rng.normal(size=(12, 200)))
    sets = [panel.geos[:6], panel.geos[12:18], panel.geos[14:20]]
    clear = select_markets(
        replace(panel, response=loud),
        sets,
        14,
        DifferenceInDifferences(),
        windows=12,
        relative_lifts=(0.02, 0.05, 0.1, 0.2),
    )
    assert clear.chosen == panel.geos[:6]
    assert clear.top_share[0] > 0.9
