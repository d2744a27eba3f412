"""Results appear whole or not at all: existing folders, folders that cannot be written, full disks."""

import json
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("cli")


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


# ---------------------------------------------------------------- folders that exist


def test_an_existing_result_is_refused_and_left_alone(cpalab_here, is_refused, small, finished):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    is_refused(cpalab_here("run", *small, "--out", folder), "exists already; --force replaces it")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_force_replaces_a_result_with_nothing_of_the_old_one_left(cpalab, small, finished, tmp_path):
    folder, _ = finished
    old = tmp_path / "result"
    old.mkdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["left-over.csv"] = {}
    (old / "manifest.json").write_text(json.dumps(manifest))
    (old / "left-over.csv").write_text("of an earlier version")
    assert cpalab("run", *small, "--quiet", "--out", old, "--force").status == 0
    assert left_in(old) == left_in(folder)
    assert left_in(tmp_path) == ["result"]


def test_force_spares_a_result_that_holds_a_stranger_s_file(cpalab_here, is_refused, small, finished, tmp_path):
    folder, _ = finished
    old = tmp_path / "result"
    old.mkdir()
    (old / "manifest.json").write_bytes((folder / "manifest.json").read_bytes())
    (old / "notes.md").write_text("mine")
    is_refused(cpalab_here("run", *small, "--quiet", "--out", old, "--force"), "notes.md is not a result of cpalab")
    assert (old / "notes.md").read_text() == "mine"


def test_force_fills_an_empty_folder_even_the_current_one(cpalab, small, tmp_path):
    answer = cpalab("simulate", *small, "--out", ".", "--force", cwd=tmp_path)
    assert answer.status == 0, answer.err
    assert "manifest.json" in left_in(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        {"thesis.txt": "years of work"},
        {"thesis.txt": "years of work", "manifest.json": '{"manifest_version": 3, "name": "a browser extension"}'},
        {"thesis.txt": "years of work", "manifest.json": "not even JSON"},
        {"thesis.txt": "years of work", "manifest.json": "[1, 2]"},
    ],
    ids=["no manifest", "another program's manifest", "a broken manifest", "a list"],
)
def test_force_never_removes_a_folder_that_is_no_result(cpalab_here, is_refused, small, tmp_path, content):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in content.items():
        (folder / name).write_text(text)
    answer = cpalab_here("run", *small, "--out", folder, "--force")
    is_refused(answer, "is not a result of cpalab; --force will not remove it")
    assert {name: (folder / name).read_text() for name in left_in(folder)} == content


def test_a_file_in_the_place_of_the_folder_is_refused(cpalab_here, is_refused, small, tmp_path):
    (tmp_path / "result").write_text("a file")
    answer = cpalab_here("run", *small, "--out", tmp_path / "result", "--force")
    is_refused(answer, "is a file, not a folder; choose another place with --out")
    is_refused(cpalab_here("run", *small, "--out", tmp_path / "result" / "deeper"), "cannot be written")
    assert (tmp_path / "result").read_text() == "a file"


# ---------------------------------------------------------------- folders that cannot be written


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a small file system in memory at a folder; skips where that takes rights that are not given."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no right to mount a small disk here")
        return disk

    yield mount
    if disk.is_mount():
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_without_permission_is_refused_before_any_work(cpalab_here, is_refused, small, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("an administrator may write everywhere; the read-only disk below stands for it")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    answer = cpalab_here("run", *small, "--out", locked / "result")
    is_refused(answer, "result: cannot be written (Permission denied); choose another folder with --out")
    assert left_in(locked) == []


def test_a_read_only_disk_is_refused_before_any_work(cpalab_here, is_refused, small, small_disk):
    answer = cpalab_here("run", *small, "--out", small_disk("ro") / "result")
    is_refused(answer, "result: cannot be written (Read-only file system); choose another folder with --out")


def test_a_file_size_limit_in_the_middle_of_writing_leaves_only_what_resume_takes_up(cpalab, small, tmp_path, finished):
    # Stands for a full disk everywhere: the first file that grows beyond 20,000 bytes cannot be written on.
    folder, _ = finished
    assert max(path.stat().st_size for path in folder.rglob("*")) > 20_000

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    answer = cpalab("run", *small, "--out", tmp_path / "result", preexec_fn=limit)
    assert answer.status not in (0, -signal.SIGXFSZ)
    assert "Traceback" not in answer.err
    target = tmp_path / "result"
    assert f"result: writing failed (File too large); go on with --resume {target} when that is mended" in answer.err
    assert all(name.startswith(".result.") for name in left_in(tmp_path))
    assert cpalab("run", "--resume", target).status == 0
    assert left_in(tmp_path) == ["result"]


def test_a_full_disk_leaves_only_what_resume_takes_up(cpalab, small, small_disk):
    disk = small_disk("size=100k")
    answer = cpalab("run", *small, "--out", disk / "result")
    assert answer.status not in (0, None)
    assert "Traceback" not in answer.err
    told = (
        f"result: writing failed (No space left on device); go on with --resume {disk / 'result'} when that is mended"
    )
    assert told in answer.err
    assert all(name.startswith(".result.") for name in left_in(disk))


def test_standard_output_that_is_full_is_a_failure_without_a_traceback(start_cpalab):
    with Path("/dev/full").open("w") as full:
        process = start_cpalab("scenarios", stdout=full)
        _, error = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "No space left on device" in error
    assert "Traceback" not in error
    assert "Exception ignored" not in error
