"""The record as a page: every table of it, a mark per system told apart by shape, no script, no bigger for more people."""

import json

from experiments.comparison.systems_report import systems_report
from experiments.report.pages.record_page import SYSTEMS, render_record, systems_chart
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


def test_the_page_of_a_simulated_record():
    scenario = load_scenario("dtc-apparel", {"run.users": 4_000, "run.days": 10.0})
    found = systems_report(simulate(scenario))
    page = render_record(found, scenario.title, "USD")
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert len(page.encode()) < 300_000
    for heading in ("Orders by channel", "Web analytics by channel group", "postbacks", "Noisy aggregate report"):
        assert heading in page
    assert found.summary().split(".")[0] in page
    assert all(name.replace("_", " ") in page for name in found.channels["channel"])
    drawn = json.dumps(systems_chart(found.channels).to_dict())
    assert all(f'"shape": "{mark.shape}"' in drawn for mark in SYSTEMS)
    assert len({mark.shape for mark in SYSTEMS}) == len(SYSTEMS)
