"""`--calibration`: the row that a media mix model takes from a lift test, with what the model asks beside it."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from experiments.lift.estimate.lift_estimate import LiftEstimate

__all__ = ["Calibration", "calibration_options", "calibration_row"]

Command = TypeVar("Command", bound=Callable[..., Any])
MODELS = ("robyn", "meridian", "pymc")
DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class Calibration:
    """What was asked for.

    Attributes:
        model: the media mix model.
        channel: the channel's name in that model.
        metric: the model's dependent variable.
        first_day, last_day: of the test, as YYYY-MM-DD; None where they were not given.
        spend_before: money per period from which the test changed it.
        periods: the model's periods within the test; None for its weeks.
    """

    model: str
    channel: str | None
    metric: str
    first_day: str | None
    last_day: str | None
    spend_before: float
    periods: float | None


def calibration_options(command: Command) -> Command:
    """--calibration and what belongs to it, gathered as `calibration`."""
    from functools import wraps

    options = (
        click.option("--calibration", "model", type=click.Choice(MODELS),
                     help="Also give what this media mix model takes from the test: a row, or a prior (meridian)."),
        click.option("--channel", help="With --calibration: the channel's name in the model."),
        click.option("--metric", default="conversions", show_default=True,
                     help="With --calibration robyn: the model's dependent variable."),
        click.option("--first-day", metavar="DATE", help="With --calibration: first day of the test, where FILE has none."),
        click.option("--last-day", metavar="DATE", help="With --calibration: its last day."),
        click.option("--spend-before", type=float, default=0.0, show_default=True,
                     help="With --calibration pymc: money per period from which the test changed it."),
        click.option("--periods", type=float,
                     help="With --calibration pymc: the model's periods within the test.  [default: its weeks]"),
    )  # fmt: skip

    @wraps(command)
    def gathered(
        *, model: str | None, channel: str | None, metric: str, first_day: str | None, last_day: str | None,
        spend_before: float, periods: float | None, **others: Any,
    ) -> Any:  # fmt: skip
        asked = None
        if model is not None:
            asked = Calibration(model, channel, metric, first_day, last_day, spend_before, periods)
        return command(calibration=asked, **others)

    wrapped: Any = gathered
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]  # click's decorators keep the callable


def calibration_row(asked: Calibration, lift: "LiftEstimate", spend: float) -> dict[str, object]:
    """The row of the model asked for.

    Args:
        asked: the model and what it wants to know.
        lift: incremental response over the whole test.
        spend: incremental money of the test, in units of money; negative where ads were taken away.

    Raises:
        LiftInputError: what the model needs is missing, or the test says what the model cannot take; all at once.
    """
    from cpalab.refusal import refuse
    from experiments.lift.columns import day_of
    from experiments.lift.media_mix import pymc_marketing_row, return_prior, robyn_row

    problems = []
    days: list[datetime.date | None] = []
    for option, text in (("--first-day", asked.first_day), ("--last-day", asked.last_day)):
        day = None if text is None else day_of(text)
        days.append(day)
        if text is not None and day is None:
            problems.append(f"{option}: {text} must be a date, year first; write 2026-03-01")
    first, last = days
    if asked.model != "meridian" and asked.channel is None:
        problems.append(f"--channel: nothing given must be the channel's name in the model; {asked.model} needs it")
    if asked.model == "robyn" and (asked.first_day is None or asked.last_day is None):
        problems.append("--first-day, --last-day: both must be given; robyn needs the days of the test")
    if asked.model == "pymc" and asked.periods is None and (asked.first_day is None or asked.last_day is None):
        problems.append("--periods: nothing given must be the model's periods within the test; or give both days")
    if first is not None and last is not None and last < first:
        problems.append(f"--last-day: {last} must not come before --first-day {first}; swap them")
    refuse(problems)
    channel = asked.channel or ""
    if asked.model == "robyn" and first is not None and last is not None:
        return robyn_row(channel, lift, spend, first_day=first, last_day=last, metric=asked.metric)
    if asked.model == "pymc":
        periods = asked.periods
        if periods is None and first is not None and last is not None:
            periods = ((last - first).days + 1) / DAYS_PER_WEEK
        return pymc_marketing_row(channel, lift, spend, spend_before=asked.spend_before, periods=periods or 0.0)
    prior = return_prior(lift, spend)
    row: dict[str, object] = {"channel": asked.channel} if asked.channel else {}
    row |= {"roi_mean": prior.mean, "roi_standard_deviation": prior.standard_deviation}
    if prior.mean > 0:
        mu, sigma = prior.log_normal
        row |= {"log_normal_mu": mu, "log_normal_sigma": sigma}
    return row
