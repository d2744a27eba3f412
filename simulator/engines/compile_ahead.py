"""Compiling ahead: second lives compile in a process of their own, while the first ones compile and run (kept on disk).

A new machine compiles both, for one to two minutes of a processor in all, and numba compiles one thing at a time.
`python -m simulator.engines.compile_ahead` does the second part alone.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from simulator.compiled import is_cached

if TYPE_CHECKING:
    from simulator.law.board import Board
    from simulator.law.parameters import Law
    from simulator.law.state import Population

PATIENCE_SECONDS = 600.0  # for a process that compiles; then this one does it itself


@contextmanager
def second_lives_compile_beside() -> Iterator[Callable[[], None]]:
    """A function that waits until second lives are compiled; nothing to wait for where they are, or with a single core.

    The process ends with the block.
    """
    from simulator.engines.second_lives import relive

    if is_cached(relive) or (os.cpu_count() or 1) < 2:
        yield lambda: None
        return
    command = [sys.executable, "-m", "simulator.engines.compile_ahead"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def wait() -> None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)

        try:
            yield wait
        finally:
            process.kill()


def compile_lives(*, twins: bool) -> None:
    """Compile what is not on disk yet, before other processes of this machine need it all at once.

    Args:
        twins: whether second lives are needed too.
    """
    from simulator.engines.cohort import Cohort
    from simulator.engines.kernels import advance
    from simulator.engines.second_lives import relive
    from simulator.market.market import no_change

    if not is_cached(advance):
        Cohort(*_two_people(), no_change(), 1)
    if twins and not is_cached(relive):
        compile_second_lives()


def compile_second_lives() -> None:
    """Compile `relive` for what twin worlds give it, by living two people's empty market again."""
    from simulator.engines.replacement import DEFAULT_KERNELS
    from simulator.engines.twins import live_twins
    from simulator.market.market import variants

    live_twins(*_two_people(), variants(2), 1, kernel=DEFAULT_KERNELS.relive)


def _two_people() -> "tuple[Law, Board, Population]":
    """Two people, and an empty market."""
    from simulator.market.market import board_of
    from simulator.population import build_population
    from simulator.scenario.build_law import Names, build_law
    from simulator.scenario.loading import load_scenario

    scenario = load_scenario(overrides={"run.users": 2, "run.days": 1.0})
    names, law = Names.of(scenario), build_law([scenario])
    return law, board_of(scenario, names, ()), build_population(scenario, law, names)


if __name__ == "__main__":
    compile_second_lives()
