"""Fuzzing: seeded mutants of scenarios, tables and parameters. A short version in `make test`, a long one by `make fuzz`."""

import contextlib
import os
import signal
import traceback

import pytest

# A mutant that takes longer has hung; the process may not grow beyond the bytes.
MOST_SECONDS = 20 if os.environ.get("CPALAB_FUZZ") else 120
MOST_BYTES = 2_000_000_000


class Hung(BaseException):
    """A mutant took too long."""


@pytest.fixture(scope="session")
def mutants():
    """How many mutants are tried: a few by default, `CPALAB_FUZZ` times as many in `make fuzz`."""

    def number(few: int) -> int:
        return int(few * float(os.environ.get("CPALAB_FUZZ", "1")))

    return number


@pytest.fixture
def watched():
    """Runs a mutant; gives what it raised that no user should see, in a line, or an empty text.

    Refusals have `problems`; everything else, warnings of arithmetic and a mutant that hangs are faults.
    """

    def strike(number, frame):
        raise Hung(f"longer than {MOST_SECONDS} s")

    def run(work):
        before = signal.signal(signal.SIGALRM, strike)
        signal.alarm(MOST_SECONDS)
        try:
            work()
        except SystemExit as leaving:
            return "" if leaving.code in (0, 2) else f"status {leaving.code}"
        except (Exception, Hung) as error:
            if hasattr(error, "problems"):
                return "" if all(str(problem) for problem in error.problems) else "an empty problem"
            place = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {str(error)[:200]} ({place.filename}:{place.lineno})"
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        return ""

    with contextlib.suppress(ImportError):
        import resource

        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 10 * MOST_BYTES
    return run
