"""Whole output: folders and files that appear finished or not at all, and what killed runs of ours left beside them.

While a folder NAME is made it is called .NAME.PID-RANDOM.unfinished; the one it replaces is called .NAME.PID-RANDOM.old for
as long as the swap takes. The process that made either holds a lock on it: a name without a lock is what a dead one left.
"""

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cpalab.refusal import Problem, Refused

__all__ = [
    "MANIFEST",
    "RESUMABLE",
    "Halted",
    "OutputError",
    "check_target",
    "durable",
    "finished",
    "left_by_the_dead",
    "remove_unfinished",
    "whole_file",
    "whole_folder",
]

MANIFEST = "manifest.json"
# What is being made, in an unfinished folder whose making can go on in another process.
RESUMABLE = "resumable.json"
# Where the file system keeps no locks, what has lain untouched for so long is taken for a dead process's.
DEAD_AFTER_SECONDS = 7 * 86_400

# What this process is making and has made. The lock is held while results change places.
_unfinished: list[Path] = []
_finished: list[Path] = []
_parents: list[Path] = []  # folders made for a result to stand in, the inner ones first
_swapping = threading.Lock()


class OutputError(Refused):
    """A folder that cannot be written to, or must not be."""

    def __init__(self, *problems: Problem | str) -> None:
        """Problems; as text `place: rule; hint`."""
        super().__init__(problems)


class Halted(Refused):
    """Work that cannot go on now, for want of something outside of it: what is done already can be gone on with."""


@contextmanager
def whole_folder(target: Path, *, force: bool = False, resume: bool = False) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` when the block ends well and vanishes when it does not.

    Before anything else, what killed runs with the same target left is swept up, or the result they were replacing put back.
    A folder that holds RESUMABLE stays when writing fails or work is halted, so that another run can go on later.

    Args:
        target: where the result shall be.
        force: replace an earlier result there.
        resume: go on with the folder that a killed run with this target left.

    Raises:
        OutputError: `target` exists and `force` is not given, or cannot be written; or there is nothing to go on with.
    """
    place = target.resolve()
    left = left_by_the_dead(target) if resume else None
    _sweep(place, spare=left)
    check_target(target, force=force)
    missing = [folder for folder in place.parents if not folder.exists()]
    _parents.extend(missing)
    temporary, lock, stays = _temporary(place), -1, False
    _unfinished.append(temporary)
    try:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if left is None:
                temporary.mkdir(mode=0o700)
            else:
                left.rename(temporary)
            lock = _locked(temporary)
        except OSError as error:
            hint = "choose another folder with --out"
            raise OutputError(f"{target}: cannot be written ({_reason(error)}); {hint}") from None
        yield temporary
        temporary.chmod(0o755)
        check_target(target, force=force)  # somebody may have put something there meanwhile
        with _swapping:
            _swap(temporary, place)
            _finished.append(target)
    except OSError as error:
        stays = (temporary / RESUMABLE).is_file()
        rest = f"go on with --resume {target} when that is mended" if stays else "nothing was left behind"
        raise OutputError(f"{target}: writing failed ({_reason(error)}); {rest}") from None
    except Halted as error:
        stays = (temporary / RESUMABLE).is_file()
        still = [Problem(str(target), "is not finished", hint=f"go on with --resume {target}")] if stays else []
        raise Halted([*error.problems, *still]) from error
    finally:
        if not stays:
            shutil.rmtree(temporary, ignore_errors=True)
        _unfinished.remove(temporary)
        _unlock(lock)
        for folder in missing:
            with suppress(OSError):  # it holds something
                folder.rmdir()


@contextmanager
def durable(path: Path) -> Iterator[Path]:
    """A temporary name for a file of an unfinished folder; on disk and under its own name when the block ends well."""
    temporary = path.with_name(f"{path.name}.part")
    yield temporary
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary file beside `target` that takes its place when the block ends well and vanishes when it does not.

    Args:
        target: the file, whose folder exists. What is there already is replaced.

    Raises:
        OSError: it cannot be written.
    """
    place = target.resolve()
    _sweep(place)
    temporary = _temporary(place)
    _unfinished.append(temporary)
    lock = -1
    try:
        temporary.touch(exist_ok=False)
        lock = _locked(temporary)
        yield temporary
        with _swapping:
            temporary.replace(place)
            _finished.append(target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        _unfinished.remove(temporary)
        _unlock(lock)


def finished() -> tuple[Path, ...]:
    """The results that this process has put in their places."""
    return tuple(_finished)


def remove_unfinished() -> None:
    """Remove what this process has not finished: for an end that passes no `finally`. No more can be finished after it."""
    _swapping.acquire(timeout=2.0)
    for temporary in tuple(_unfinished):
        for _ in range(20):  # a thread that cannot be stopped may still be writing there
            shutil.rmtree(temporary, ignore_errors=True)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if not temporary.exists():
                break
            time.sleep(0.02)
    for folder in _parents:
        with suppress(OSError):  # it holds something
            folder.rmdir()


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a folder that exists, before any work is done.

    With `force` only an empty folder or one that holds earlier results (a manifest of cpalab) is replaced.

    Raises:
        OutputError: says why and what to do.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target}: is a file, not a folder; choose another place with --out")
    if not force:
        raise OutputError(f"{target}: exists already; --force replaces it, --out chooses another folder")
    strangers = _not_ours(target)
    if strangers:
        raise OutputError(f"{target}: {strangers[0]} is not a result of cpalab; --force will not remove it")


def _not_ours(folder: Path) -> list[str]:
    """The files in a folder that no manifest of ours lists; all of them where the manifest is missing or another's."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return found
    if not isinstance(manifest, dict) or "cpalab" not in manifest:
        return found
    ours = {MANIFEST, *manifest.get("files", {})}
    return [name for name in found if name not in ours]


def _swap(temporary: Path, target: Path) -> None:
    """Put the finished folder in place; the old one goes only when the new one is there."""
    if not target.exists():
        temporary.rename(target)
        return
    old = temporary.with_suffix(".old")
    lock = _locked(target)
    try:
        target.rename(old)
        temporary.rename(target)
    except BaseException:
        if not target.exists():
            old.rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        _unlock(lock)


def _left(place: Path) -> list[Path]:
    """What processes of ours, dead or alive, have beside a result's place."""
    pattern = re.compile(rf"\.{re.escape(place.name)}\.\d+-[0-9a-f]{{8}}\.(unfinished|old)")
    try:
        return [path for path in place.parent.iterdir() if pattern.fullmatch(path.name)]
    except OSError:  # no such folder, or none of ours
        return []


def left_by_the_dead(target: Path) -> Path:
    """The unfinished folder that a killed run with this target left, the youngest of several.

    It holds RESUMABLE, or a manifest already, and then only had to be put in its place.

    Raises:
        OutputError: there is none, or its run is still alive.
    """
    place = target.resolve()
    unfinished = [path for path in _left(place) if path.suffix == ".unfinished" and path.is_dir()]
    found = [path for path in unfinished if (path / RESUMABLE).is_file() or (path / MANIFEST).is_file()]
    for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            _unlock(_locked(path, wait=False))
        except BlockingIOError:
            raise OutputError(f"{target}: its run is still at work; wait for it, or end it first") from None
        return path
    if (place / MANIFEST).is_file():
        raise OutputError(f"{target}: is finished, there is nothing to go on with; --force makes it anew")
    raise OutputError(f"{target}: no killed run left anything to go on with; run it again without --resume")


def _sweep(place: Path, *, spare: Path | None = None) -> None:
    """Remove what dead processes of ours left of a result at this place, or put back what they were replacing."""
    for path in _left(place):
        if path == spare:
            continue
        with suppress(OSError):  # gone meanwhile, or not to be touched
            if path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            lock = _locked(path, wait=False)
            try:
                if lock == -1 and time.time() - path.stat().st_mtime < DEAD_AFTER_SECONDS:
                    continue
                if path.suffix == ".old" and not place.exists():
                    path.rename(place)
                elif path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
            finally:
                _unlock(lock)


def _temporary(place: Path) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}.unfinished")


def _locked(path: Path, *, wait: bool = True) -> int:
    """A descriptor that holds the lock of a folder or file; -1 where the file system keeps none.

    Raises:
        OSError: another process holds it, or there is no such path.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        raise
    except (ImportError, OSError):
        os.close(descriptor)
        return -1
    return descriptor


def _unlock(descriptor: int) -> None:
    if descriptor != -1:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    """What the system says went wrong, without what libraries wrap around it."""
    return os.strerror(error.errno) if error.errno else str(error)
