"""The picture of a result, for a notebook, a slide or a paper: one Altair chart, shown without a network."""

from typing import TYPE_CHECKING, Any

from cpalab.refusal import InvalidInputError, Problem

if TYPE_CHECKING:
    import altair as alt

__all__ = ["chart"]

WIDTH = 640  # pixels


def chart(result: Any, *, width: int = WIDTH) -> "alt.LayerChart":
    """What the page of a result draws first.

    A comparison: claimed and true cost per channel. An explanation: the waterfall of what moved CPA. A truth: the price of
    an extra order, average and at the margin. A rollout: the factor of each CPA over its band. A lift test: its intervals.
    A leaderboard, a sweep, budgets that followed a signal: their own `chart()`. Notebooks show it as an SVG, without a
    network; `save` writes it.

    Args:
        result: what an experiment gave.
        width: in pixels.

    Raises:
        InvalidInputError: a result that has no picture.

    Example:
        >>> from cpalab import chart, load_scenario, measure_truth, simulate
        >>> truth = measure_truth(simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0})))
        >>> chart(truth).to_dict()["width"]
        640
    """
    drawn = result.chart() if hasattr(result, "chart") else _drawn(result)
    return drawn.properties(width=width)  # type: ignore[no-any-return]  # altair's properties is untyped


def _drawn(result: Any) -> Any:
    from experiments.comparison.comparison import Comparison
    from experiments.comparison.explain.explain import Explanation
    from experiments.comparison.explain.waterfall import steps
    from experiments.report.charts.dumbbell import dumbbell_chart
    from experiments.report.charts.waterfall import waterfall_chart
    from experiments.report.pages.lift_page import lift_chart
    from experiments.report.pages.rollout_page import shift_chart
    from experiments.report.pages.truth_page import truth_chart
    from experiments.rollout.rollout import Rollout
    from experiments.truth.effects import Truth

    match result:
        case Comparison():
            return dumbbell_chart(result)
        case Explanation():
            return waterfall_chart(steps(result.shift(), result.causes), result.currency)
        case Truth():
            return truth_chart(result)
        case Rollout():
            return shift_chart(result.shifts)
    frame = result.to_frame() if hasattr(result, "to_frame") else None
    drawn = None if frame is None or "level" not in frame else lift_chart(frame)
    if drawn is None:
        hint = "a comparison, an explanation, a truth, a rollout, a lift test with an interval, or what has its own chart()"
        raise InvalidInputError([Problem("result", "has no picture", type(result).__name__, hint)])
    return drawn
