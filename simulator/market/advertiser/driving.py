"""Driving: a process's generator as a SimPy process that is resumed through the reported window, its failures in words."""

from collections.abc import Callable, Generator
from typing import Any

import simpy

from cpalab.refusal import Problem, Refused, ScenarioError
from simulator.market.advertiser.desk import Desk

HOW = "write yield market.timeout(days) or yield market.published"


class ProcessStoppedError(Exception):
    """A process has failed, and with it the run; `cause` says it in words."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(cause)
        self.cause = cause


def drive(desk: Desk, run: Callable[[Any], Any]) -> Generator[simpy.Event, Any, None]:
    """Resume a process whenever what it waits for has happened, until it or the reported window ends.

    Raises:
        ProcessStoppedError: it is no generator, waits for something that is no event, or has failed.
    """
    place = f"processes.{desk.author}"
    try:
        process = run(desk)
        if not isinstance(process, Generator):
            raise ScenarioError([Problem(place, "must be a generator", f"{type(process).__name__}", HOW)])
        waits_for = next(process)
        while True:
            if not isinstance(waits_for, simpy.Event):
                raise ScenarioError([Problem(place, "waits for something that is no event", repr(waits_for), HOW)])
            happened = yield waits_for
            if desk.day >= desk.days:
                process.close()
                return
            waits_for = process.send(happened)
    except StopIteration:
        return
    except Refused as error:
        said = [
            problem
            if problem.place.startswith(place)
            else Problem(f"{place} (day {desk.day:g}): {problem.place}", problem.rule, problem.value, problem.hint)
            for problem in error.problems
        ]
        refused = ScenarioError(said)
        refused.__cause__ = error
        raise ProcessStoppedError(refused) from error
    except Exception as error:  # a stranger's code may raise anything
        words = " ".join(str(error).split())
        rule = f"failed on day {desk.day:g} ({type(error).__name__}{f': {words}' if words else ''})"
        failed = ScenarioError([Problem(place, rule, hint=_where(error))])
        failed.__cause__ = error
        raise ProcessStoppedError(failed) from error


def _where(error: Exception) -> str:
    """The line of the process's own code in which it failed."""
    trace, last = error.__traceback__, None
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(("<frozen", __file__)):
            last = trace
        trace = trace.tb_next
    return f"see line {last.tb_lineno} of {last.tb_frame.f_code.co_filename}" if last is not None else ""
