"""Interruption: Ctrl-C, SIGTERM and SIGHUP end the command within a second, with nothing half written (status 128 + signal).

Python raises an interruption between two of its own steps only; compiled code, a compiler at work and threads that are
waited for would make it late or lose it. So a thread is told of the signal at once, and ends the process where the ordinary
way out takes longer than a moment.
"""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

__all__ = ["end_interrupted", "watch_for_signals"]

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
# What the ordinary way out may take.
MOMENT_SECONDS = 0.3
FIRST_OF_OURS = 128

_struck: list[int] = []
_ending = threading.Lock()


def watch_for_signals() -> None:
    """Let SIGTERM and SIGHUP interrupt like Ctrl-C, and see to it that an interrupted process ends.

    A signal that whoever started us wants ignored (`nohup`) stays ignored. Outside the main thread, and a second time,
    nothing is done.
    """
    if threading.current_thread() is not threading.main_thread() or sys.unraisablehook is _interrupted_or_unraisable:
        return
    for number in ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)
    sys.unraisablehook = _interrupted_or_unraisable
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), daemon=True, name="interruption").start()


def end_interrupted() -> NoReturn:
    """Say what became of the output and end the process, with the status of the signal that struck.

    Without Python's own end: taking a compiler's half-made objects apart would crash there. What had to be cleaned up is
    cleaned up here.
    """
    from cpalab.whole_output import finished, remove_unfinished

    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C changes nothing any more
    _ending.acquire()  # for good: of two threads that want to end the process, one does
    remove_unfinished()
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K\x1b[?25h")  # a progress bar had hidden the cursor
    whole = ", ".join(map(str, finished()))
    with suppress(OSError, RuntimeError):  # the reader has gone, or another thread is writing
        sys.stderr.write(f"Interrupted; {f'{whole} is written and whole' if whole else 'nothing was written'}.\n")
        sys.stderr.flush()
        sys.stdout.flush()
    os._exit(FIRST_OF_OURS + (_struck[0] if _struck else signal.SIGINT))


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    _struck.append(number)
    raise KeyboardInterrupt


def _watch(reader: int) -> None:
    while True:
        for number in os.read(reader, 1):
            if number in ENDING:
                _struck.append(number)
                time.sleep(MOMENT_SECONDS)
                end_interrupted()


def _interrupted_or_unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """An interruption that strikes inside a callback from C (LLVM's, say) is lost to the main thread: it ends the process."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Thread(target=end_interrupted, daemon=True).start()
    else:
        sys.__unraisablehook__(lost)
