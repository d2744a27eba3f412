"""Geo designs over many worlds: bias against the twin-world truth, coverage, and the lessons of docs/geo-lessons.md.

`make study` prints the tables and writes the page anew; a short version of each gate runs in `make test`.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.designs.design import LEVEL
from experiments.designs.power import Replicate, ScenarioPower, seeded
from experiments.designs.regions.geo_books import experiment_of
from experiments.designs.regions.geo_truth import geo_test_truth
from experiments.designs.registry import GEO_DESIGNS, find_designs
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.methods.conformal import block_conformal_p_value
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

PAGE = Path(__file__).parents[3] / "docs" / "geo-lessons.md"
CHANNEL = "social_prospecting"
# A busy little market: the effects of the large one, in a fraction of a second.
BUSY = {
    "run.users": 8_000,
    "run.days": 80.0,
    "population.need_per_day.mean": 0.1,
    "need.satiation_days": 2.0,
    "funnel.1.rate": 0.5,
    "funnel.2.rate": 0.4,
    "run.seed": 1_000,
}
# Mean error beyond 3.3 standard errors: a false alarm in 1,000 per design. Coverage: the binomial band of as many.
BAND = 3.3
# Two designs are wrong by how they are made, and must be found so: the negative controls. On/off misses what carries over
# from the blocks with ads to those without; a regression on noisy controls takes growth, which a market before a launch
# still has, for the effect of the ads.
BIASED = {"on_off": -1, "holdback_tbr": 1}


def busy(**changes):
    return load_scenario("dtc-geos", BUSY | {path.replace("__", "."): value for path, value in changes.items()})


def coverage_band(repeats, level=0.95):
    return BAND * math.sqrt(level * (1 - level) / repeats)


@dataclass(frozen=True)
class Found:
    """What one design found in many worlds, and whether its price set held the true cost per incremental conversion."""

    power: ScenarioPower
    prices_held: tuple[bool, ...]

    @property
    def price_coverage(self):
        return float(np.mean(self.prices_held))


def beside_the_truth(designs, repeats):
    """One `Found` per design, by name; designs that differ only in their analysis read the same worlds."""
    read = {design.name: [] for design in designs}
    for repeat in range(repeats):
        scenario, known = seeded(busy(), repeat), {}
        for design in designs:
            arranged = design.arrange(scenario, CHANNEL)
            key = arranged.model_dump_json()
            if key not in known:
                world = simulate(arranged)
                known[key] = world, design.truth(world, [CHANNEL])[CHANNEL]
            world, truth = known[key]
            reading = design.read(world, CHANNEL)
            conversions, cost = truth.incremental_conversions, truth.cost_micros / 1e6
            # Below zero where the ads prevented orders: the set has such members too.
            held = reading.cost.contains(cost / conversions if conversions else math.inf)
            low, high = reading.lift.interval(LEVEL)
            lift = reading.lift
            error = lift.standard_error
            one = Replicate(arranged.run.seed, lift.difference, error, low, high, conversions, cost, 0.0, 0.0)
            assert (lift.p_value() < significance(LEVEL)) == (not low <= 0 <= high) == reading.cost.bounded
            read[design.name].append((one, held))
    return {
        name: Found(
            ScenarioPower(name, CHANNEL, tuple(one for one, _ in both), 0, LEVEL, 0.80), tuple(held for _, held in both)
        )
        for name, both in read.items()
    }


def check(found):
    """Right on average, and intervals and price sets that hold the truth as often as they say; or as wrong as it must be."""
    name, repeats = found.power.design, len(found.prices_held)
    bias, error = found.power.bias
    if name in BIASED:
        assert BIASED[name] * bias > BAND * error, f"{name}: {bias} ± {error}"
        return
    assert abs(bias) < BAND * error, f"{name}: {bias} ± {error}"
    # Of so few worlds no share can lie above the band; `check_together` looks there.
    for coverage in (found.power.coverage, found.price_coverage):
        assert coverage == pytest.approx(LEVEL, abs=coverage_band(repeats)), f"{name}: {coverage}"


def check_together(found):
    """The mean coverage of all designs that are right on average, both sides; its band is that of the distinct worlds."""
    sound = [one for one in found.values() if one.power.design not in BIASED]
    kinds = {design.kind for design in find_designs([one.power.design for one in sound])}
    band = coverage_band(len(kinds) * len(sound[0].prices_held))
    for shares in ([one.power.coverage for one in sound], [one.price_coverage for one in sound]):
        assert np.mean(shares) == pytest.approx(LEVEL, abs=band), shares


@pytest.mark.study
def test_a_geo_test_finds_what_the_twin_world_says():
    for found in beside_the_truth(find_designs(["go_dark_did"]), 12).values():
        check(found)


# ---------------------------------------------------------------- the study


def markdown(frame):
    """A table whose numbers are written as they are."""
    lines = [" | ".join(frame.columns), " | ".join("---" if k == 0 else "---:" for k in range(frame.shape[1]))]
    lines += [" | ".join(map(str, row)) for row in frame.itertuples(index=False)]
    return "\n".join(f"| {line} |" for line in lines)


def designs_table(both):
    found = [one.power for one in both]
    return pd.DataFrame(
        {
            "design": [power.design for power in found],
            "true effect": [f"{power.true_effect:,.0f}" for power in found],
            "mean error": ["{:+,.1f} ± {:,.1f}".format(*power.bias) for power in found],
            "held the truth": [f"{power.coverage:.1%}" for power in found],
            "price set held it": [f"{one.price_coverage:.1%}" for one in both],
            "detectable": [f"{power.detectable_effect:,.0f}" for power in found],
            "by formula": [f"{power.detectable_by_formula:,.0f}" for power in found],
            "power at the truth": [f"{power.power_at(power.true_effect):.0%}" for power in found],
        }
    )


def spillover(travel_share, repeats):
    """Mean truth in the treated geos and mean estimate, where people travel."""
    (design,) = find_designs(["go_dark_did"])
    truths, estimates, spilled = [], [], []
    for repeat in range(repeats):
        world = simulate(design.arrange(seeded(busy(population__travel_share=travel_share), repeat), CHANNEL))
        truth = geo_test_truth(world, CHANNEL)
        truths.append(truth.of_ads.incremental_conversions)
        spilled.append(-truth.spilled_conversions)
        estimates.append(design.read(world, CHANNEL).lift.difference)
    return np.array(truths), np.array(estimates), np.array(spilled)


def growing(repeats):
    """Errors of two estimators of a launch, shape (repeats, 4): market begins with the run, or is under way."""
    (design,) = find_designs(["holdback_tbr"])
    errors = []
    for repeat in range(repeats):
        row = []
        for start in ({"run__warm_up_days": 0}, {}):
            world = simulate(design.arrange(seeded(busy(**start), repeat), CHANNEL))
            truth = geo_test_truth(world, CHANNEL).of_ads.incremental_conversions
            experiment = experiment_of(world, CHANNEL)
            row += [
                analyse(experiment).lift.difference - truth
                for analyse in (time_based_regression, difference_in_differences)
            ]
        errors.append(row)
    return np.array(errors)


def autoregressive_experiment(rng, rho, days=84, test_days=28):
    """A treated and a control total whose residuals are AR(1), without effect."""
    shocks = rng.normal(size=days)
    errors = np.empty(days)
    errors[0] = shocks[0]
    for t in range(1, days):
        errors[t] = rho * errors[t - 1] + math.sqrt(1 - rho**2) * shocks[t]
    control = 1_000 + 50 * rng.normal(size=days)
    panel = GeoPanel(
        ("control", "treated"),
        np.datetime64("2024-01-01") + np.arange(days),
        np.vstack([control, 0.8 * control + 10 * errors]),
    )
    return GeoExperiment(panel, np.array([False, True]), days - test_days, test_days)


def tbr_coverage(rho, errors, repeats, seed=1):
    """Share of 90 % intervals of time-based regression that hold zero."""
    rng = np.random.default_rng(seed)
    level = (0.90,)
    found = [time_based_regression(autoregressive_experiment(rng, rho), level, errors=errors) for _ in range(repeats)]
    return float(np.mean([low <= 0 <= high for low, high in (test.lift.interval(0.90) for test in found)]))


def permutation_rejections(rho, repeats, seed=1, permutations=199):
    """Share of A/A tests rejected at 10 % where |Σ residuals of the window| is permuted by days, and by blocks of days."""
    rng = np.random.default_rng(seed)
    by_day = by_block = 0
    for _ in range(repeats):
        experiment = autoregressive_experiment(rng, rho)
        x, y = experiment.control.sum(axis=0), experiment.treated.sum(axis=0)
        slope, constant = np.polyfit(x, y, 1)  # refitted to all days under the null
        residuals = y - constant - slope * x
        window = experiment.test_days
        drawn = np.array([rng.permutation(residuals)[-window:].sum() for _ in range(permutations)])
        observed = residuals[-window:].sum()
        by_day += (1 + np.sum(np.abs(drawn) >= abs(observed))) / (1 + permutations) <= 0.10
        by_block += block_conformal_p_value(residuals, window) <= 0.10
    return by_day / repeats, by_block / repeats


def test_independent_errors_undercover_where_days_are_alike_and_permuted_days_reject_too_often():
    # 200 tests: the shares of the study, told from the nominal ones by more than the binomial band.
    band = BAND * math.sqrt(0.9 * 0.1 / 200)
    assert tbr_coverage(0.6, "independent", 200) < 0.90 - band
    by_day, by_block = permutation_rejections(0.6, 200)
    assert by_day > 0.10 + band
    assert by_block < 0.10 + band


INTRODUCTION = """# What geo tests can and cannot tell

The market of `dtc-geos`, but small and busy ({users:,} people, {days:.0f} days); tests of social prospecting. Every row is
computed in simulated worlds whose truth is known by twins. Written by `make study`; short versions of its gates run in
`make test`.

## Designs beside the truth

{repeats} worlds each, with seeds of their own. *True effect*: conversions caused by the ads that the test gave or took
away, by twin world, for the same money. *Mean error*: estimate less truth, ± its standard error. *Detectable*: the effect
found in 80% of the worlds at the 95% level; *by formula*: 2.8 standard errors as the tests report them. *Price set held
it*: share of the 95% sets of the cost per incremental conversion that hold the true one.

{designs}

Two designs are biased here; the others are not, within {band} standard errors.

- **The switchback** (`on_off`): ads work on when they are off (half-lives of 9 days against blocks of {block_days}), so
  the off blocks are flattered, and most of the effect is missed. A geo test with a cool-down does not have this fault.
- **A launch read by time-based regression** (`holdback_tbr`): see "A market that grows". Difference in differences
  (`holdback_did`) reads the same worlds without this bias.

The block-conformal intervals of the synthetic control are wide because a window as long as this one leaves few blocks to
move: its detectable effect is several times what the error of its estimate would give.

## Spillover: people who are not at home

{travel_repeats} go-dark tests each, the same seeds in every row, read by difference in differences. People of dark geos see
the ads elsewhere, so there is less effect to find; people of the control geos miss them, and that the estimate loses.

{spillover}

## A market that grows

{travel_repeats} launches each (`holdback`): mean error of the estimate in a market that begins on the first day of the log
(`run.warm_up_days = 0`) and grows in it, and in one that has been running. With few orders a day the control is mostly
noise, so the slope of a regression on it is attenuated: whatever the market as a whole grows by is foretold too low, and the
ads get the credit. Difference in differences has no slope to attenuate.

{growth}

## Days that are alike

Time-based regression, {residual_repeats:,} A/A tests each: share of 90% intervals that hold the truth. Sales of
neighbouring days are alike (ρ is the autocorrelation of the residuals); errors taken as independent are then far too
narrow.

{tbr}

A/A tests rejected at 10% where |Σ residuals| of the window is the statistic: permuting days ignores that they are alike,
moving blocks of days does not.

{permutation}

## What does not touch a geo test

Lost cookies. Orders count where they are shipped to, cost where the networks billed it: with next to nobody consenting and
no server-side events the panel of a geo test is the same, number for number
(`tests/experiments/designs/regions/test_geo_books.py::test_lost_cookies_do_not_touch_a_geo_test`).
"""


@pytest.mark.study
def test_write_the_page():
    repeats, travel_repeats, residual_repeats = 200, 40, 400
    found = beside_the_truth(find_designs(GEO_DESIGNS), repeats)
    designs = designs_table(list(found.values()))
    print(f"\n{designs.to_string()}")  # noqa: T201 - a study prints its table
    rows = []
    for share in (0.0, 0.1, 0.3):
        truths, estimates, spilled = spillover(share, travel_repeats)
        errors = estimates - truths
        rows.append(
            {
                "sessions away from home": f"{share:.0%}",
                "true effect in dark geos": f"{truths.mean():,.1f}",
                "lost in control geos": f"{spilled.mean():,.1f}",
                "mean estimate": f"{estimates.mean():,.1f}",
                "mean error": f"{errors.mean():+,.1f} ± {errors.std(ddof=1) / math.sqrt(travel_repeats):,.1f}",
            }
        )
    spill = pd.DataFrame(rows)
    print(f"\n{spill.to_string()}")  # noqa: T201
    errors = growing(travel_repeats)
    shown = ["{:+,.1f} ± {:,.1f}".format(*row) for row in zip(errors.mean(axis=0), errors.std(axis=0, ddof=1)
             / math.sqrt(travel_repeats), strict=True)]  # fmt: skip
    growth = pd.DataFrame(
        {
            "estimator": ["time-based regression", "difference in differences"],
            "market begins with the run": shown[:2],
            "market under way": shown[2:],
        }
    )
    print(f"\n{growth.to_string()}")  # noqa: T201
    rhos = (0.0, 0.2, 0.4, 0.6, 0.8)
    tbr = pd.DataFrame(
        {
            "ρ": rhos,
            "independent": [f"{tbr_coverage(rho, 'independent', residual_repeats):.1%}" for rho in rhos],
            "autoregressive (default)": [
                f"{tbr_coverage(rho, 'autoregressive', residual_repeats):.1%}" for rho in rhos
            ],
        }
    )
    rejections = [permutation_rejections(rho, residual_repeats) for rho in rhos]
    permutation = pd.DataFrame(
        {
            "ρ": rhos,
            "days permuted": [f"{by_day:.1%}" for by_day, _ in rejections],
            "blocks moved": [f"{by_block:.1%}" for _, by_block in rejections],
        }
    )
    print(f"\n{tbr.to_string()}\n{permutation.to_string()}")  # noqa: T201
    (on_off,) = find_designs(["on_off"])
    page = INTRODUCTION.format(
        users=BUSY["run.users"],
        days=BUSY["run.days"],
        repeats=repeats,
        designs=markdown(designs),
        band=BAND,
        block_days=on_off.arrange(busy(), CHANNEL).geo_tests[CHANNEL].block_days,
        travel_repeats=travel_repeats,
        spillover=markdown(spill),
        growth=markdown(growth),
        residual_repeats=residual_repeats,
        tbr=markdown(tbr),
        permutation=markdown(permutation),
    )
    PAGE.write_text(page, encoding="utf-8")
    for one in found.values():
        check(one)
    check_together(found)
