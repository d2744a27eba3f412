"""A comparison made by hand: one channel of every kind of judgement, with prices that can be checked on paper."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attribution.paths.conversion_lag import ConversionLag
from experiments.comparison.comparison import ChannelComparison, Comparison
from experiments.comparison.explain.explain import Cause, Explanation, Shift
from experiments.comparison.explain.factors import Split
from experiments.comparison.telling_journeys import Journey, JourneyEvent
from experiments.comparison.verdict import verdict
from experiments.designs.design import DesignReading
from experiments.designs.regions.geo_truth import GeoTestTruth
from experiments.designs.regions.scenario_geo_tests import OwnGeoTest
from experiments.designs.side_by_side import DesignResult, SideBySide
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution
from experiments.lift.geo.result import GeoLiftTest
from experiments.lift.user.user_test import UserLiftTest, user_holdout_test
from experiments.rollout.change_file import Plan, PlannedChange
from experiments.rollout.rollout import CpaShift, Rollout
from experiments.truth.conversion_noun import ORDER
from experiments.truth.effects import ALL, Effect, Truth
from experiments.truth.order_labels import LABELS, OrderLabels, Orders

ORDERS = 1000


def holdout(treated_conversions: int, control_conversions: int, cost: float) -> UserLiftTest:
    """9 in 10 of 100,000 people could see the ads."""
    treated = ArmStatistics(90_000, treated_conversions, treated_conversions)
    control = ArmStatistics(10_000, control_conversions, control_conversions)
    return user_holdout_test(treated, control, round(cost * 1e6))


def channel(name: str, cost: float, credits: tuple[float, ...], caused: int, lift: UserLiftTest | None = None):
    effect = Effect(name, "average", round(cost * 1e6), caused, 0, 10_000)
    return ChannelComparison(
        channel=name,
        cost=cost,
        impressions=100_000,
        clicks=1_000,
        credits=dict(zip(("last_click", "linear", "markov"), credits, strict=True)),
        lift=lift,
        truth=effect,
        verdict=verdict(name, cost, credits[0], effect, "last_click"),
    )


def labels(caused: int, moved: int = 0, prevented: int = 0) -> OrderLabels:
    label = np.full(ORDERS, LABELS.index("always"), np.uint8)
    label[:caused] = LABELS.index("caused")
    label[caused : caused + moved] = LABELS.index("moved")
    lost = np.arange(prevented, dtype=np.int64)
    return OrderLabels(np.arange(ORDERS, dtype=np.int64), label, Orders(lost, lost * 0.0, lost * 0))


def geo_test(kind: str = "go_dark", *, refusal: str = "") -> OwnGeoTest:
    """Four weeks, the test in the third: 7 orders a day fewer than the 20 expected, 40 a day not spent."""
    day = np.arange(28)
    tested = (day >= 14) & (day < 21)
    off = "test" if kind == "go_dark" else "off"
    days = pd.DataFrame(
        {
            "day": day,
            "period": np.where(tested, off, np.where(day >= 21, "cooldown" if kind == "go_dark" else "on", "pre")),
            "observed": np.where(tested, 13.0, 20.0),
            "counterfactual": 20.0 if kind == "go_dark" else np.nan,
            "cost": np.where(tested, 0.0, 40.0),
        }
    )
    lift = LiftEstimate(StudentDistribution(-49.0, 20.0, 12.0, 280.0, 20.0, -400.0))
    found = GeoLiftTest(lift, "conversions", "by_hand", "by_hand", 2, 4, -280.0, 0.0, 0.0, (0.90, 0.95))
    change = Effect("video", "average", -280_000_000, -40, 0, 1_000)
    return OwnGeoTest(
        f"video_{kind}", "video", kind, None if refusal else found, GeoTestTruth(change, 0, 0), days, refusal
    )


def comparison_of(channels: tuple[ChannelComparison, ...], free: dict[str, float], **changes) -> Comparison:
    rows = [
        {"channel": c.channel, "method": model, "cost": c.cost, "conversions": credit}
        for c in channels
        for model, credit in c.credits.items()
    ]
    rows += [
        {"channel": name, "method": model, "cost": 0.0, "conversions": orders}
        for name, orders in free.items()
        for model in ("last_click", "linear", "markov")
    ]
    joint = Effect(ALL, "joint", round(sum(c.cost for c in channels) * 1e6), 380, 0, 90_000)
    truth = Truth(
        effects=(*(c.truth for c in channels), joint),
        labels={ALL: labels(400, moved=50, prevented=20)}
        | {c.channel: labels(max(0, c.truth.incremental_conversions)) for c in channels},
        conversions=ORDERS,
        feedback="held",
    )
    given = Comparison(
        title="A shop",
        currency="EUR",
        conversions=ORDERS,
        unattributed=10.0,
        channels=channels,
        judge="last_click",
        cpa=pd.DataFrame(rows, columns=["channel", "method", "cost", "conversions"]),
        truth=truth,
        lag=ConversionLag((1.0,), (0.5,), 0.6, float(ORDERS)),
        journeys=(journey(),),
    )
    return replace(given, **changes)


def journey() -> Journey:
    return Journey(
        user_id=7,
        label="caused",
        order_time=9.5,
        value=120.0,
        events=(
            JourneyEvent(1.0, "impression", "video"),
            JourneyEvent(4.0, "impression", "brand_search"),
            JourneyEvent(4.0, "click", "brand_search"),
            JourneyEvent(9.4, "visit", "direct"),
            JourneyEvent(9.5, "conversion", "direct"),
        ),
        left_out=3,
        ads_seen=5,
        ads_clicked=1,
    )


@pytest.fixture(scope="session")
def make_geo_test():
    return geo_test


@pytest.fixture(scope="session")
def make_comparison():
    return comparison_of


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """Orders credited by each model: 480 to paid channels, 510 to free ones, 10 to nobody."""
    return comparison_of(
        (
            channel("shopping", 300.0, (30.0, 30.0, 30.0), 28),
            channel("brand_search", 1_000.0, (200.0, 150.5, 120.0), 0, holdout(900, 105, 1_000.0)),
            channel("video", 4_000.0, (40.0, 89.5, 120.0), 200, holdout(1_100, 90, 4_000.0)),
            channel("retargeting", 2_100.0, (210.0, 210.0, 210.0), 30, holdout(900, 95, 2_100.0)),
            channel("coupon", 500.0, (0.0, 0.0, 0.0), -2, holdout(900, 140, 500.0)),
        ),
        {"direct": 200.0, "organic_search": 310.0},
        geo_tests=(geo_test(), geo_test("on_off"), geo_test("heavy_up", refusal="pre_days: 2 must be at least 4")),
    )


CAUSES = (Cause("the <window>", "record", 3.0), Cause("the season", "real", 4.0), Cause("nothing", "real", 5.0))
SPLIT = Split(1.0, 1.2, 0.1, 0.08, {"price": 2.0, "click rate": 0.0, "conversion rate": 3.0, "mix of segments": 0.0})


def shift(channel, system, parts):
    before, errors = 10.0, np.zeros(3)
    return Shift(channel, system, before, before + sum(parts), 100.0, 100.0, 10.0, 7.0, np.array(parts), errors, SPLIT)


@pytest.fixture(scope="session")
def make_shift():
    return shift


@pytest.fixture(scope="session")
def explanation() -> Explanation:
    weeks = pd.DataFrame(
        {"channel": ["all"], "week": [1], "days": [7], "system": ["platform"], "cost": [1.0], "conversions": [0.0],
         "cost_per_conversion": [float("nan")]}
    )  # fmt: skip
    shifts = (shift("a_shop", "platform", [4.0, 1.0, 0.0]), shift("all", "platform", [4.0, -1.0, 0.0]),
              shift("all", "incremental", [0.0, 0.0, 0.0]))  # fmt: skip
    return Explanation("A & B", "USD", ORDER, (3, 14), None, CAUSES, shifts, weeks)


@pytest.fixture(scope="session")
def truth(comparison) -> Truth:
    """The truth of the comparison, with a price at the margin of one channel."""
    margin = Effect("video", "marginal_bid", 400_000_000, 8, 0, 1_000)
    return replace(comparison.truth, effects=(*comparison.truth.effects, margin))


@pytest.fixture(scope="session")
def rollout() -> Rollout:
    """Two changes: platforms claim fewer orders, analytics and the CRM as many as before."""

    def of(channel: str, system: str, factor: float) -> CpaShift:
        parts = {"the <banner>": factor, "server-side": 1.0}
        return CpaShift(
            channel, system, 20.0, 20.0 * factor, 3.0, 3.0, factor, factor, 0.8 * factor, 1.3 * factor, 9.5, parts
        )

    shifts = [
        of(c, s, 1.25 if s == "platform" else 1.0) for c in ("video", ALL) for s in ("platform", "analytics", "crm")
    ]
    plan = Plan("A banner & servers", (PlannedChange("the <banner>", {}), PlannedChange("server-side", {})))
    weeks = pd.DataFrame(
        [(ALL, week, 7, system, 70.0, 7.0, 10.0 + week, tracking) for week in (1, 2) for system in ("platform", "crm")
         for tracking in ("today", "tomorrow")],
        columns=["channel", "week", "days", "system", "cost", "conversions", "cost_per_conversion", "tracking"],
    )  # fmt: skip
    return Rollout(plan, tuple(shifts), {}, None, 14.0, 0.2, 10_000, weeks=weeks)


@pytest.fixture(scope="session")
def side_by_side() -> SideBySide:
    """Two designs on one channel: one holds its truth of 20 orders, one does not; a third has no reading."""

    def reading(design: str, conversions: int) -> DesignReading:
        test = holdout(conversions, 100, 1_000.0)
        price = test.cost_per_incremental_conversion(0.95)
        return DesignReading(design, "video", test.incremental_conversions, price, 12.0)

    truth = Effect("video", "average", 1_000_000_000, 20, 0, 10_000)
    results = [
        DesignResult(1, name, "video", reading(name, n), truth) for name, n in (("ghost_ads", 930), ("naive", 4_000))
    ]
    return SideBySide("A <shop>", "EUR", (*results, DesignResult(1, "geo_lift", "video", None, truth, "no geos")))


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def browser(tmp_path):
    """Open a file in a headless browser with the network off: its document afterwards, and the browser's log."""
    if BROWSER is None:
        pytest.skip("no headless Chromium on PATH (chromium, chromium-browser, google-chrome)")

    def open_file(path, *flags: str) -> tuple[str, str]:
        command = [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-sync", "--disable-component-update", "--disable-background-networking", "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=10000",
            f"--user-data-dir={tmp_path / 'profile'}", *flags, "--dump-dom", path.as_uri(),
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return result.stdout, result.stderr

    return open_file


# Before anything else in a page: when it stands, open every fold, show every part, and let axe-core judge what is there.
JUDGE = """<script>AXE</script><script>
addEventListener("load", () => {
  const wait = setInterval(async () => {
    if (document.querySelector(".chart") && document.documentElement.dataset.charts !== "done") return;
    clearInterval(wait);
    document.querySelectorAll("details").forEach((details) => { details.open = true; });
    document.querySelectorAll("main > section").forEach((section) => { section.hidden = false; });
    const found = await axe.run(document, { resultTypes: ["violations"] });
    parent.postMessage(found.violations.map((fault) => ({
      rule: fault.id, impact: fault.impact, says: fault.help, where: fault.nodes.map((node) => node.html.slice(0, 160)),
    })), "*");
  }, 50);
});
</script>"""

# Opens one page after another, and keeps what was said of each.
ONE_BY_ONE = """<!doctype html><title>one by one</title><iframe style="width: WIDTHpx; height: 800px; border: 0"></iframe>
<script>
const names = NAMES, found = {}, frame = document.querySelector("iframe");
const next = () => {
  const name = names[Object.keys(found).length];
  document.documentElement.dataset.seen = JSON.stringify(found);
  if (name) frame.src = name;
};
addEventListener("message", (event) => { found[names[Object.keys(found).length]] = event.data; next(); });
next();
</script>"""


@pytest.fixture
def accessibility_faults(tmp_path, browser):
    """What axe-core finds in pages (name, HTML) that keeps somebody from using them: faults of serious or critical impact."""
    axe = pytest.importorskip("axe_core_python", reason="axe-core is not installed (axe-core-python)")
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")

    def judge(pages: dict[str, str], *flags: str, width: int = 1200) -> list[tuple[str, ...]]:
        for name, html in pages.items():
            judged = html.replace("<head>", "<head>" + JUDGE.replace("AXE", script), 1)
            (tmp_path / f"{name}.html").write_text(judged, encoding="utf-8")
        window = tmp_path / "one by one.html"
        names = json.dumps([f"{name}.html" for name in pages])
        window.write_text(ONE_BY_ONE.replace("NAMES", names).replace("WIDTH", str(width)), encoding="utf-8")
        dom, log = browser(window, *flags)
        found = re.search(r'data-seen="([^"]*)"', dom)
        assert found is not None, log
        assert set(json.loads(unescape(found[1]))) == {f"{name}.html" for name in pages}, log
        return [
            (name, fault["rule"], fault["says"], *fault["where"])
            for name, faults in json.loads(unescape(found[1])).items()
            for fault in faults
            if fault["impact"] in {"serious", "critical"}
        ]

    return judge
