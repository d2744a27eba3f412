"""Ranges of what ads cause against simulated markets whose truth is known."""

import pytest

from experiments.studies.range_coverage import range_coverage


@pytest.mark.study
def test_ranges_from_a_channel_table_hold_the_truth_about_as_often_as_stated() -> None:
    """90 % ranges over four presets and five seeds each."""
    found = range_coverage(["dtc-apparel", "b2b-leads", "app-install", "dropshipping"], range(21, 26))
    assert 0.80 <= found.share_held() <= 1.0
