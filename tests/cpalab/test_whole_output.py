"""Whole output: results appear finished or not at all, and what a dead process left is swept up by the next."""

import errno
import fcntl
import json
import os
import re

import pytest

from cpalab import whole_output
from cpalab.whole_output import RESUMABLE, OutputError, check_target, durable, whole_file, whole_folder

DEAD = "12345-0123abcd"


def result(folder, word="old"):
    """A finished result with one table."""
    folder.mkdir(parents=True)
    (folder / "table.csv").write_text(word)
    (folder / "manifest.json").write_text(json.dumps({"cpalab": "0", "files": {"table.csv": {}}}))
    return folder


def write(target, word="new", **options):
    with whole_folder(target, **options) as folder:
        (folder / "table.csv").write_text(word)
        (folder / "manifest.json").write_text(json.dumps({"cpalab": "0", "files": {"table.csv": {}}}))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_when_it_is_finished(tmp_path):
    with whole_folder(tmp_path / "a" / "result") as folder:
        (folder / "table.csv").write_text("1")
        assert not (tmp_path / "a" / "result").exists()
    assert names(tmp_path / "a") == ["result"]
    assert (tmp_path / "a" / "result").stat().st_mode & 0o777 == 0o755


def test_what_fails_leaves_nothing_not_even_the_folders_above(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "a" / "b" / "result"):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_the_folders_above_stay_where_somebody_else_uses_them(tmp_path):
    def fail():
        with whole_folder(tmp_path / "a" / "result"):
            (tmp_path / "a" / "notes.md").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path / "a") == ["notes.md"]


@pytest.mark.parametrize(("force", "why"), [(False, "exists already"), (True, "thesis.txt is not a result of cpalab")])
def test_what_somebody_put_there_meanwhile_is_not_replaced(tmp_path, force, why):
    def meet():
        with whole_folder(tmp_path / "result", force=force):
            (tmp_path / "result").mkdir()
            (tmp_path / "result" / "thesis.txt").write_text("mine")

    with pytest.raises(OutputError, match=re.escape(why)):
        meet()
    assert names(tmp_path) == ["result"]
    assert names(tmp_path / "result") == ["thesis.txt"]


@pytest.mark.parametrize("manifest", ['{"files": {"thesis.txt": {}}}', "[]", '"cpalab"', "{", "null"])
def test_force_spares_a_folder_whose_manifest_is_not_ours(tmp_path, manifest):
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "manifest.json").write_text(manifest)
    (tmp_path / "result" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not a result of cpalab"), whole_folder(tmp_path / "result", force=True):
        pass
    assert names(tmp_path / "result") == ["manifest.json", "thesis.txt"]


def test_an_interruption_between_the_two_renames_puts_the_old_result_back(tmp_path, monkeypatch):
    result(tmp_path / "result")
    rename = type(tmp_path).rename

    def struck(self, target):
        if self.suffix == ".unfinished":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(type(tmp_path), "rename", struck)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "result", force=True)
    assert names(tmp_path) == ["result"]
    assert (tmp_path / "result" / "table.csv").read_text() == "old"


class TestWhatKilledRunsLeft:
    def test_an_unfinished_folder_is_swept_up_by_the_next_run(self, tmp_path):
        result(tmp_path / f".result.{DEAD}.unfinished")
        write(tmp_path / "result")
        assert names(tmp_path) == ["result"]

    def test_an_old_result_is_put_back_where_the_new_one_never_came(self, tmp_path):
        result(tmp_path / f".result.{DEAD}.old")
        with pytest.raises(OutputError, match="exists already"):
            write(tmp_path / "result")
        assert (tmp_path / "result" / "table.csv").read_text() == "old"
        assert names(tmp_path) == ["result"]

    def test_an_old_result_goes_where_the_new_one_is_there(self, tmp_path):
        result(tmp_path / f".result.{DEAD}.old")
        result(tmp_path / "result", "newer")
        with pytest.raises(OutputError, match="exists already"):
            write(tmp_path / "result")
        assert names(tmp_path) == ["result"]
        assert (tmp_path / "result" / "table.csv").read_text() == "newer"

    def test_that_of_a_living_process_stays(self, tmp_path):
        living = result(tmp_path / f".result.{DEAD}.unfinished")
        descriptor = os.open(living, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        write(tmp_path / "result")
        os.close(descriptor)
        assert names(tmp_path) == [living.name, "result"]

    @pytest.mark.parametrize(
        "name",
        [".other.12345-0123abcd.unfinished", ".result.mine.unfinished", ".result.12345-0123abcd.backup", "result.old"],
    )
    def test_what_is_called_otherwise_stays(self, tmp_path, name):
        result(tmp_path / name)
        write(tmp_path / "result")
        assert names(tmp_path) == sorted([name, "result"])

    def test_that_of_another_user_and_links_stay(self, tmp_path, monkeypatch):
        result(tmp_path / "elsewhere")
        (tmp_path / f".result.{DEAD}.unfinished").symlink_to(tmp_path / "elsewhere")
        theirs = result(tmp_path / ".result.12346-0123abcd.unfinished")
        monkeypatch.setattr("cpalab.whole_output.os.getuid", lambda: theirs.stat().st_uid + 1)
        write(tmp_path / "result")
        assert len(names(tmp_path)) == 4
        assert names(tmp_path / "elsewhere") == ["manifest.json", "table.csv"]

    @pytest.mark.parametrize(("days", "stays"), [(1, True), (8, False)])
    def test_without_locks_age_decides(self, tmp_path, monkeypatch, days, stays):
        left = result(tmp_path / f".result.{DEAD}.unfinished")
        when = left.stat().st_mtime - 86_400 * days
        os.utime(left, (when, when))
        monkeypatch.setattr(whole_output, "_locked", lambda path, wait=True: -1)
        write(tmp_path / "result")
        assert (left.name in names(tmp_path)) is stays


def test_force_never_removes_what_is_no_result(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="--force will not remove it"):
        check_target(tmp_path / "mine", force=True)
    with pytest.raises(OutputError, match="is a file"):
        check_target(tmp_path / "mine" / "thesis.txt", force=True)


def test_force_never_removes_a_stranger_s_file_among_results(tmp_path):
    (result(tmp_path / "result") / "notes.md").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.md is not a result of cpalab"):
        check_target(tmp_path / "result", force=True)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    file = tmp_path / "plan.csv"
    file.write_text("old")
    (tmp_path / f".plan.csv.{DEAD}.unfinished").write_text("half")

    def fail():
        with whole_file(file) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == ["plan.csv"]
    assert file.read_text() == "old"
    with whole_file(file) as part:
        part.write_text("new")
    assert names(tmp_path) == ["plan.csv"]
    assert file.read_text() == "new"


def made_so_far(target, word="half"):
    """What a killed run that can be resumed left of a result at this place."""
    folder = target.with_name(f".{target.name}.{DEAD}.unfinished")
    folder.mkdir(parents=True)
    (folder / RESUMABLE).write_text(word)
    return folder


def fail(target, error, *, resumable):
    """A run that fails half way."""
    with whole_folder(target) as folder:
        if resumable:
            (folder / RESUMABLE).write_text("half")
        raise error


class TestResuming:
    def test_the_folder_of_a_killed_run_is_gone_on_with(self, tmp_path):
        made_so_far(tmp_path / "result")
        with whole_folder(tmp_path / "result", resume=True) as folder:
            assert (folder / RESUMABLE).read_text() == "half"
            (folder / RESUMABLE).rename(folder / "table.csv")
        assert (tmp_path / "result" / "table.csv").read_text() == "half"
        assert names(tmp_path) == ["result"]

    def test_without_resume_it_is_swept_up(self, tmp_path):
        made_so_far(tmp_path / "result")
        write(tmp_path / "result")
        assert names(tmp_path) == ["result"]

    def test_a_full_disk_leaves_what_can_be_gone_on_with(self, tmp_path):
        with pytest.raises(OutputError, match=r"No space left on device\); go on with --resume .*result when"):
            fail(tmp_path / "result", OSError(errno.ENOSPC, "No space left on device"), resumable=True)
        with whole_folder(tmp_path / "result", resume=True) as folder:
            assert names(folder) == [RESUMABLE]

    def test_what_cannot_be_gone_on_with_is_gone(self, tmp_path):
        with pytest.raises(OutputError, match="nothing was left behind"):
            fail(tmp_path / "result", OSError(errno.ENOSPC, "No space left on device"), resumable=False)
        with pytest.raises(KeyboardInterrupt):
            fail(tmp_path / "result", KeyboardInterrupt(), resumable=True)
        assert names(tmp_path) == []
        with pytest.raises(OutputError, match="no killed run left anything to go on with"):
            write(tmp_path / "result", resume=True)

    def test_that_of_a_living_run_is_not_taken(self, tmp_path):
        folder = made_so_far(tmp_path / "result")
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="its run is still at work"):
            write(tmp_path / "result", resume=True)
        os.close(lock)
        assert names(tmp_path) == [folder.name]

    def test_a_finished_result_needs_none(self, tmp_path):
        write(tmp_path / "result")
        with pytest.raises(OutputError, match="is finished, there is nothing to go on with"):
            write(tmp_path / "result", resume=True)


def test_a_durable_file_has_its_name_when_it_is_whole(tmp_path):
    def die_half_way():
        with durable(tmp_path / "a.npz") as path:
            path.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die_half_way()
    assert names(tmp_path) == ["a.npz.part"]
    with durable(tmp_path / "a.npz") as path:
        path.write_text("whole")
    assert (names(tmp_path), (tmp_path / "a.npz").read_text()) == (["a.npz"], "whole")
