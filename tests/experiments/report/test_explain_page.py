"""The page that explains a shift: every sentence and every waterfall, nothing from the network, names as text."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from experiments.comparison.explain.explain import Cause, Explanation, Shift
from experiments.comparison.explain.factors import Split
from experiments.comparison.explain.waterfall import steps
from experiments.report.charts.waterfall import waterfall_chart
from experiments.report.explain_page import render_explanation
from experiments.truth.conversion_noun import ORDER

CAUSES = (Cause("the <window>", "record", 3.0), Cause("the season", "real", 4.0), Cause("nothing", "real", 5.0))
SPLIT = Split(1.0, 1.2, 0.1, 0.08, {"price": 2.0, "click rate": 0.0, "conversion rate": 3.0, "mix of segments": 0.0})


def shift(channel, system, parts):
    before, errors = 10.0, np.zeros(3)
    return Shift(channel, system, before, before + sum(parts), 100.0, 100.0, 10.0, 7.0, np.array(parts), errors, SPLIT)


@pytest.fixture
def found():
    weeks = pd.DataFrame(
        {"channel": ["all"], "week": [1], "days": [7], "system": ["platform"], "cost": [1.0], "conversions": [0.0],
         "cost_per_conversion": [float("nan")]}
    )  # fmt: skip
    shifts = (shift("a_shop", "platform", [4.0, 1.0, 0.0]), shift("all", "platform", [4.0, -1.0, 0.0]),
              shift("all", "incremental", [0.0, 0.0, 0.0]))  # fmt: skip
    return Explanation("A & B", "USD", ORDER, (3, 14), None, CAUSES, shifts, weeks)


def test_a_waterfall_goes_from_before_to_after_the_real_causes_first(found):
    shown = steps(found.shift(), CAUSES)
    assert [(step.name, step.kind, step.start, step.end) for step in shown] == [
        ("before", "whole", 0.0, 10.0),
        ("the season", "real", 10.0, 9.0),
        ("the <window>", "record", 9.0, 13.0),
        ("after", "whole", 0.0, 13.0),
    ]


def test_without_parts_there_is_no_waterfall(found):
    assert steps(shift("all", "platform", [float("nan"), 1.0, 0.0]), CAUSES) == ()


def test_the_chart_holds_every_step_as_text(found):
    drawn = json.dumps(waterfall_chart(steps(found.shift(), CAUSES), "USD").to_dict())
    for text in ("the season", "+4.00", "13.00", "\\u22121.00"):
        assert text in drawn


def test_the_page_says_everything_and_loads_nothing(found):
    page = render_explanation(found)
    assert "Reported CPA (platform) rose from 10.00 to 13.00. Real: -1.00 the season." in page
    assert "the &lt;window&gt;" in page
    assert "A &amp; B" in page
    assert "<window>" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert page.count('class="chart"') == 2
    assert "Cost per click ÷ conversion rate" in page
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)
