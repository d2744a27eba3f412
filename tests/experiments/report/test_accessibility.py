"""Pages in a browser as axe-core judges them: no serious or critical fault, in light and dark, on a desk and on a phone."""

import pandas as pd
import pytest

from experiments.lift import user_table_test
from experiments.own_market.reconcile import ClaimedFigures, reconcile
from experiments.own_market.reconcile_page import render_reconciliation
from experiments.report.pages.designs_page import render_designs
from experiments.report.pages.explain_page import render_explanation
from experiments.report.pages.lift_page import render_lift
from experiments.report.pages.page import render_report
from experiments.report.pages.rollout_page import render_rollout
from experiments.report.pages.truth_page import render_truth

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(comparison, explanation, truth, rollout, side_by_side) -> dict[str, str]:
    totals = pd.DataFrame(
        {"arm": ["treated", "control"], "users": [9_000, 1_000], "conversions": [120, 9], "cost": [500.0, 0.0]}
    )
    test = user_table_test(totals)
    return {
        "report": render_report(comparison),
        "explain": render_explanation(explanation),
        "lift": render_lift(test.to_frame(), test.summary()),
        "truth": render_truth(truth, "A shop", "EUR"),
        "rollout": render_rollout(rollout, "EUR"),
        "designs": render_designs(side_by_side),
        "reconcile": render_reconciliation(reconcile([ClaimedFigures("search", 120, 90, 100)])),
    }


@pytest.mark.parametrize("scheme", [1, 0], ids=["light", "dark"])
def test_no_page_has_a_serious_fault(pages, accessibility_faults, scheme):
    assert accessibility_faults(pages, f"--blink-settings=preferredColorScheme={scheme}") == []


def test_no_page_has_a_serious_fault_on_a_phone(pages, accessibility_faults):
    shown = {name: pages[name] for name in ("report", "rollout")}
    assert accessibility_faults(shown, width=360) == []


def test_a_fault_would_be_seen(accessibility_faults):
    """The control of the tests above: a field without a name, and grey on grey."""
    broken = '<!doctype html><html lang="en"><head><title>a</title></head><body><main><h1>a</h1><input>'
    broken += '<p style="color: #999; background: #aaa">grey</p></main></body></html>'
    assert {fault[1] for fault in accessibility_faults({"broken": broken})} == {"label", "color-contrast"}
