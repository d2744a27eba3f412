"""Panels of geos: the published sales-and-cost experiment, and simulated ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment, geo_panel

SHARED = Path(__file__).parents[5] / "shared"
PUBLIC = SHARED / "reference" / "lift" / "tbr_gbr_salesandcost"


def public_table(name: str) -> pd.DataFrame:
    """A public table of Google's sales-and-cost example; it belongs to others and lies outside of the repository."""
    if not PUBLIC.is_dir():
        pytest.skip("the public sales-and-cost tables are not here: ../shared/reference does not exist")
    return pd.read_csv(PUBLIC / name, dtype={"geo": str})


@pytest.fixture(scope="session")
def sales_and_cost() -> pd.DataFrame:
    """The published table: 100 geos, 93 days, rows without sales left out."""
    return public_table("salesandcost.csv")


@pytest.fixture(scope="session")
def sales_geos() -> pd.DataFrame:
    """The published sums of response and cost per geo, before and in the test."""
    return public_table("gbr_geo_level.csv").set_index("geo")


@pytest.fixture(scope="session")
def sales_experiment(sales_and_cost):
    """The published experiment, with or without its 23 days of cool-down."""
    groups = public_table("geoassignment.csv")
    treated = groups["geo"][groups["geo.group"] == 2].tolist()
    panel = geo_panel(sales_and_cost, missing_rows="zero")

    def design(cooldown_days: int = 0) -> GeoExperiment:
        return geo_experiment(panel, treated, "2015-02-16", "2015-03-15", cooldown_days=cooldown_days, outcome="value")

    return design


def _autoregressive(rng, rho, shape):
    """Series of variance 1 with autocorrelation ρ along the last axis, stationary from the start."""
    shocks = rng.normal(size=shape)
    series = np.empty(shape)
    series[..., 0] = shocks[..., 0]
    for t in range(1, shape[-1]):
        series[..., t] = rho * series[..., t - 1] + np.sqrt(1 - rho**2) * shocks[..., t]
    return series


@pytest.fixture
def autoregressive():
    """A function `(rng, rho, shape)` that draws such series."""
    return _autoregressive


@pytest.fixture
def panel_of_geos():
    """A function that draws a panel of `geos` geos of unlike size; geo 0 … are first."""

    def draw(
        seed=0, geos=20, days=80, rho=0.0, noise=0.05, lift=0.0, treated=(), start=60, cost_per_day=0.0
    ) -> GeoPanel:
        rng = np.random.default_rng(seed)
        size = np.exp(rng.normal(5.0, 0.5, geos))[:, None]
        common = 1 + 0.1 * np.sin(2 * np.pi * np.arange(days) / 7) + 0.05 * _autoregressive(rng, 0.5, (days,))
        response = size * common * (1 + noise * _autoregressive(rng, rho, (geos, days)))
        cost = np.zeros_like(response)
        for geo in treated:
            response[geo, start:] *= 1 + lift
            cost[geo, start:] = cost_per_day
        dates = np.datetime64("2026-01-01") + np.arange(days)
        return GeoPanel(tuple(f"g{k:02d}" for k in range(geos)), dates, response, cost)

    return draw


@pytest.fixture
def table_of():
    """The long table of a panel, in the columns `location, date, Y, cost`."""

    def table(panel: GeoPanel) -> pd.DataFrame:
        geos, days = panel.response.shape
        return pd.DataFrame(
            {
                "location": np.repeat(panel.geos, days),
                "date": np.tile(panel.dates.astype(str), geos),
                "Y": panel.response.ravel(),
                "cost": panel.cost.ravel(),
            }
        )

    return table


def _public_panel(name):
    """Response of the panel, of shape `(geos, days)`; skips where the data are not at hand."""
    files = {
        "geolift": (SHARED / "data" / "panels" / "geolift_test_data.csv", "location", "date", "Y"),
        "walmart": (SHARED / "data" / "panels" / "walmart_weekly_sales.csv", "store", "week", "sales"),
        "trimmed_match": (SHARED / "data" / "panels" / "tm_design.csv", "geo", "date", "response"),
        "salesandcost": (
            PUBLIC / "salesandcost.csv",
            "geo",
            "date",
            "sales",
        ),
    }
    file, geo, date, response = files[name]
    if not file.exists():
        pytest.skip(f"the public panel {file.name} is not here")
    wide = pd.read_csv(file).pivot(index=geo, columns=date, values=response).fillna(0)
    if name == "geolift":
        return wide.iloc[:, :90].to_numpy(float)
    if name == "salesandcost":
        return wide.loc[:, :"2015-02-15"].to_numpy(float)
    return wide.to_numpy(float)


def _false_alarms(read, name, pre, test, treated, draws, seed=0):
    """Share of random windows and geos in which a 95 % test finds what is not there."""
    response = _public_panel(name)
    geos, days = response.shape
    rng, found = np.random.default_rng(seed), []
    names = tuple(f"g{k:03d}" for k in range(geos))
    dates = np.datetime64("2026-01-05") + np.arange(pre + test)
    for _ in range(draws):
        start = rng.integers(0, days - pre - test + 1)
        is_treated = np.isin(np.arange(geos), rng.choice(geos, treated, replace=False))
        panel = GeoPanel(names, dates, response[:, start : start + pre + test])
        found.append(read(GeoExperiment(panel, is_treated, pre, test)))
    return float(np.mean(found))


@pytest.fixture
def false_alarms():
    """A function that tells the share of false alarms in random windows of a public panel; it skips without the panel."""
    return _false_alarms
