"""The page of a rollout: each system's factor first, its band, every change's part, and CPA by week under both trackings."""

from dataclasses import replace

from experiments.report.pages.rollout_page import render_rollout
from experiments.rollout.change_file import Plan, PlannedChange


def test_the_first_screen_holds_each_system_s_factor(rollout):
    page = render_rollout(rollout, "EUR")
    first = page[: page.index("<section")]
    assert first.count("× 1.250") == 1
    assert first.count("× 1.000") == 2
    assert "Platforms: CPA of all paid channels goes from 20.00 to 25.00" in first
    assert "What moves is the report." in first


def test_bands_parts_and_weeks_stand_in_tables(rollout):
    page = render_rollout(rollout, "EUR")
    assert "× 1.000 to 1.625" in page  # suspect a bug outside
    assert "the &lt;banner&gt;" in page
    assert "<banner>" not in page
    for column in ("platform, today", "platform, tomorrow", "CRM, today"):
        assert f'<th scope="col">{column}</th>' in page
    assert "12.00" in page
    assert "<script" not in page
    assert "nan" not in page


def test_a_change_that_is_real_is_not_called_a_matter_of_the_report(rollout):
    real = replace(rollout, plan=Plan("", (PlannedChange("a bid", {}, real=True),)))
    assert "What moves is the report." not in render_rollout(real, "EUR")
