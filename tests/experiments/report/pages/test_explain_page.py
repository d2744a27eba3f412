"""The page that explains a shift: every sentence and every waterfall, nothing from the network, names as text."""

import json
import re

from experiments.comparison.explain.waterfall import steps
from experiments.report.charts.waterfall import waterfall_chart
from experiments.report.pages.explain_page import render_explanation


def test_a_waterfall_goes_from_before_to_after_the_real_causes_first(explanation):
    shown = steps(explanation.shift(), explanation.causes)
    assert [(step.name, step.kind, step.start, step.end) for step in shown] == [
        ("before", "whole", 0.0, 10.0),
        ("the season", "real", 10.0, 9.0),
        ("the <window>", "record", 9.0, 13.0),
        ("after", "whole", 0.0, 13.0),
    ]


def test_without_parts_there_is_no_waterfall(explanation, make_shift):
    assert steps(make_shift("all", "platform", [float("nan"), 1.0, 0.0]), explanation.causes) == ()


def test_the_chart_holds_every_step_as_text(explanation):
    drawn = json.dumps(waterfall_chart(steps(explanation.shift(), explanation.causes), "USD").to_dict())
    for text in ("the season", "+4.00", "13.00", "\\u22121.00"):
        assert text in drawn


def test_the_page_says_everything_and_loads_nothing(explanation):
    page = render_explanation(explanation)
    assert "Reported CPA (platform) rose from 10.00 to 13.00. Real: -1.00 the season." in page
    assert "the &lt;window&gt;" in page
    assert "A &amp; B" in page
    assert "<window>" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert page.count('class="chart"') == 2
    assert "Cost per click ÷ conversion rate" in page
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)
