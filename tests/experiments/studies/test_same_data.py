"""The same data in other tools: `make study` writes docs/same-data.md, which numbers differ and why."""

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from attribution import Paths, load_model
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.methods.gbr import geo_based_regression
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.synthetic_did import synthetic_difference_in_differences
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.methods.trimmed_match import trimmed_match
from experiments.lift.geo.panel import geo_experiment, geo_panel

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "same-data.md"
SHARED = ROOT.parent / "shared"
PANELS, SALES = SHARED / "data" / "panels", SHARED / "reference" / "lift" / "tbr_gbr_salesandcost"

Row = tuple[str, str, str, str, str]


def geolift() -> list[Row]:
    """GeoLift's walkthrough (geolift_test_data): conversions per treated geo and day, chicago and portland."""
    table = pd.read_csv(PANELS / "geolift_test_data.csv")
    experiment = geo_experiment(geo_panel(table), ["chicago", "portland"], "2021-04-01", "2021-04-15")
    levels = synthetic_control(experiment, augmentation="none", scaling="additive").lift.difference / 30
    growths = synthetic_control(experiment, augmentation="none").lift.difference / 30
    return [
        ("GeoLift walkthrough", "GeoLift, `model = none`", "155.556", f"{levels:.3f}",
         "The same: `--method synthetic_control --scaling additive`."),
        ("GeoLift walkthrough", "GeoLift, `model = none`", "155.556", f"{growths:.3f}", "Our default reads growths: "
         "every geo in units of its own past. Levels let large geos decide the weights."),
    ]  # fmt: skip


def prop99() -> list[Row]:
    """Packs per head and year in California, 1989 to 2000 (Arkhangelsky et al. 2021, table 1)."""
    table = pd.read_csv(PANELS / "prop99.csv", sep=";")
    table = table.assign(date=table["Year"].astype(str) + "-01-01")
    panel = geo_panel(table.rename(columns={"State": "geo", "PacksPerCapita": "response"}))
    experiment = geo_experiment(panel, ["California"], "1989-01-01", "2000-01-01")
    did = difference_in_differences(experiment, scaling="additive").lift.difference / 12
    control = synthetic_control(experiment, augmentation="none", scaling="additive", intercept=False)
    both = synthetic_difference_in_differences(experiment, scaling="additive").lift.difference / 12
    return [
        ("Proposition 99", "R synthdid, difference in differences", "-27.3", f"{did:.1f}", "The same: `--method did "
         "--scaling additive`."),
        ("Proposition 99", "R synthdid, synthetic control (augsynth's and Synth's problem)", "-19.6",
         f"{control.lift.difference / 12:.1f}", "Their solver stops before the least misfit; ours is the exact one."),
        ("Proposition 99", "R synthdid, synthetic DiD", "-15.6", f"{both:.1f}", "The same: `--method synthetic_did --scaling "
         "additive`."),
    ]  # fmt: skip


def sales() -> list[Row]:
    """Return per unit of cost in salesandcost, 95 % two-sided (90 % for TBR), without cool-down."""
    table, arms = (pd.read_csv(SALES / name) for name in ("salesandcost.csv", "geoassignment.csv"))
    panel = geo_panel(table.rename(columns={"sales": "response"}), missing_rows="zero")
    treated = [str(geo) for geo in arms.loc[arms["geo.group"] == 2, "geo"]]
    experiment = geo_experiment(panel, treated, "2015-02-16", "2015-03-15", outcome="value")
    point, (low, high) = geo_based_regression(experiment, (0.95,)).return_on_ad_spend(0.95)
    alone, (alone_low, alone_high) = time_based_regression(experiment, (0.9,), errors="independent").return_on_ad_spend(
        0.9
    )
    ours, (ours_low, ours_high) = time_based_regression(experiment, (0.9,)).return_on_ad_spend(0.9)
    return [
        ("salesandcost", "GeoexperimentsResearch 1.0.3, GBR", "3.233 [2.695, 3.772]", f"{point:.3f} [{low:.3f}, {high:.3f}]",
         "The same: `--method gbr`."),
        ("salesandcost", "matched_markets, TBR (CausalImpact's question, without its state space)", "2.947",
         f"{alone:.3f} [{alone_low:.3f}, {alone_high:.3f}]", "The same: `--method 'tbr(errors=\"independent\")'`, "
         "offered with a warning: its interval takes days for independent."),
        ("salesandcost", "matched_markets, TBR", "2.947", f"{ours:.3f} [{ours_low:.3f}, {ours_high:.3f}]", "Our default "
         "tests the method on the past without a test and takes off the pull of a noisy control slope."),
    ]  # fmt: skip


def pairs() -> list[Row]:
    """Trimmed Match's README: five pairs, 80 %."""
    response, cost = np.array([1.0, 10, 3, 8, 5]), np.array([1.0, 5, 2, 5, 3])
    match = trimmed_match(response, cost, "normal")
    theta = match.return_on_ad_spend
    below, above = match.normal_distribution().distances(NormalDist().inv_cdf(0.9))
    ours = f"{theta:.3f} [{theta - below / cost.sum():.3f}, {theta + above / cost.sum():.3f}]"
    why = "The same: `--inference normal`, the authors' rules. Our default flips the signs of pairs, exact for few of them."
    return [("five pairs", "Trimmed Match README, 80%", "1.600 [1.519, 1.657]", ours, why)]


def credits() -> list[Row]:
    """Credit on published paths."""

    def of(model: str, paths: Paths) -> str:
        credit = load_model(model).fit(paths).credit(paths)
        return ", ".join(f"{name} {value:.2f}" for name, value in zip(credit.channels, credit.conversions, strict=True))

    three = Paths.from_rows(["C1 > C2 > C3", "C1", "C2 > C3"], [1, 0, 0], nulls=[0, 1, 1])
    walks = Paths.from_rows(["A > B > A > B > B > A", "A > B > B > A > A", "A > A"], [1, 1, 1])
    names = {"O": "Organic Search", "F": "Facebook", "D": "Direct"}
    game = {"O": 7, "F": 6, "D": 4, "F > O": 15, "D > O": 7, "D > F": 9, "D > F > O": 19}
    sets = Paths.from_rows(
        [" > ".join(names[letter] for letter in row.split(" > ")) for row in game], list(game.values())
    )
    whole = load_model("shapley_exact_conversions").fit(sets)
    last = Paths.from_rows(["Direct > Facebook > Organic Search"], [19])
    shares = dict(zip(["Direct", "Facebook", "Organic Search"], 19 * whole.touch_shares(last), strict=True))
    ours = of("shapley", last)
    chains = Paths.from_rows(["B", "C", "B > C"], [596, 250, 12], nulls=[36462, 40727, 391])
    single = load_model("leave_one_touch_out").fit(chains).touch_shares(Paths.from_rows(["B > C"], [1]))
    return [
        ("three paths", "ChannelAttribution, markov-chain-attribution", "C1 0.20, C2 0.40, C3 0.40",
         of("markov", three), "The same."),
        ("three repeating paths", "pychattr (10,000 random walks)", "A 1.99, B 1.01", of("markov", walks), "Theirs is drawn "
         "at random and moves with the seed; ours is solved exactly."),
        ("DP6's README, the set of all three", "DP6 MAM, `attribution_shapley(conversions)`",
         "Organic Search 7.67, Facebook 8.17, Direct 3.17",
         ", ".join(f"{name} {shares[name]:.2f}" for name in names.values()),
         "The same: `shapley_exact_conversions`, "
         "for comparison only; where smaller sets convert more, shares fall below 0."),
        ("DP6's README, the set of all three", "DP6 MAM, `attribution_shapley(conversions)`",
         "Organic Search 7.67, Facebook 8.17, Direct 3.17", ours, "`shapley` counts journeys inside a set, not of exactly "
         "the set: every conversion is its own journey's, and nothing is negative."),
        ("B > C among B, C and B > C", "fractribution, Snowplow's archived fork", "B 0.63, C 0.37",
         f"B {single[0]:.2f}, C {single[1]:.2f}", "The same: `leave_one_touch_out`; their path transforms: `--transform`."),
    ]  # fmt: skip


HEAD = """# The same data elsewhere

Which numbers of GeoLift, augsynth, Trimmed Match, matched_markets, Snowplow and DP6 differ from ours on the same data, and
why. Theirs are published; ours are computed as this page is written (`make study`,
`tests/experiments/studies/test_same_data.py`).
CausalImpact publishes no number on these data: its false alarms on a known
process stand in [geo-published](geo-published.md), beside ours.

| data | tool | theirs | ours | |
| --- | --- | --- | --- | --- |
"""


@pytest.mark.study
def test_the_page_is_written():
    if not SALES.exists() or not PANELS.exists():
        pytest.skip("the public data are not here")
    rows = [*geolift(), *prop99(), *sales(), *pairs(), *credits()]
    PAGE.write_text(HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows), encoding="utf-8")
    same = [row for row in rows if row[4].startswith("The same")]
    assert len(same) >= 8


def test_credits_that_are_said_to_be_the_same_are():
    """The rows of attribution need no data of others."""
    rows = credits()
    assert rows[0][2] == rows[0][3]
    assert rows[2][2] == rows[2][3]
    assert rows[4][2] == rows[4][3]
    assert rows[3][2] != rows[3][3]
