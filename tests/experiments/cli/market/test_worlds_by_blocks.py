"""`--memory`, `--events`, `cpalab verify`: worlds larger than memory, which events stay, whether files are whole."""

import json

import pyarrow.parquet as pq
import pytest

from simulator.storage import fingerprint, read_world

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(scope="module")
def market():
    """A scenario that takes a moment."""
    return ["dropshipping", "--users", "4000", "--days", "6"]


@pytest.fixture(scope="module")
def worlds(cpalab, market, tmp_path_factory):
    """The same world, simulated in memory and by blocks with each choice of events."""
    place = tmp_path_factory.mktemp("worlds")
    for name, options in {
        "whole": [],
        "blocks": ["--memory", "1GB"],
        "orders": ["--events", "orders"],
        "none": ["--memory", "1GB", "--events", "none"],
        "sample": ["--memory", "1GB", "--events", "sample"],
    }.items():
        answer = cpalab("simulate", *market, "--out", place / name, *options, "--threads", "2")
        assert answer.status == 0, answer.err
    return place


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_simulation_within_bounds_of_memory_writes_the_same_bytes(worlds):
    assert files(worlds / "blocks") == files(worlds / "whole")


def test_a_run_within_bounds_of_memory_writes_the_bytes_of_one_in_memory(cpalab, market, tmp_path):
    # The agents live in memory, one process per person.
    for name, options in {"agents": ["--engine", "agents"], "blocks": ["--memory", "1GB", "--threads", "3"]}.items():
        answer = cpalab("run", *market, "--by", "device", "--model", "linear", "--out", tmp_path / name, *options)
        assert answer.status == 0, answer.err
    assert files(tmp_path / "blocks") == files(tmp_path / "agents")


@pytest.mark.parametrize("kept", ["orders", "sample", "none"])
def test_a_world_without_its_log_answers_as_one_with_it(cpalab, worlds, kept):
    folder = worlds / kept
    assert json.loads((folder / "manifest.json").read_text())["events_kept"] == kept
    rows = sum(pq.read_metadata(part).num_rows for part in (folder / "events").iterdir())
    whole = read_world(worlds / "whole")
    assert rows < whole.events.num_rows
    assert fingerprint(read_world(folder).events) == fingerprint(whole.events)
    answers = [json.loads(cpalab("truth", worlds / name, "--json").out) for name in (kept, "whole")]
    assert answers[0] == answers[1]


def test_a_log_that_was_reduced_is_not_attributed_as_if_it_were_whole(cpalab, worlds, is_refused):
    is_refused(cpalab("attribute", worlds / "orders"), "keeps no touches", "--events all")
    is_refused(cpalab("attribute", worlds / "none"), "holds no rows")
    answer = cpalab("attribute", worlds / "sample")
    assert answer.status == 0
    assert "one person in a hundred" in answer.out


def test_options_that_need_a_folder_say_so(cpalab_here, market, is_refused):
    is_refused(
        cpalab_here("run", *market, "--memory", "1GB", "--events", "none"),
        "--memory: 1GB needs --out",
        "--events: none needs --out",
    )
    is_refused(cpalab_here("run", *market, "--out", "x", "--memory", "lots"), "--memory: 'lots' must be a size")
    is_refused(cpalab_here("run", *market, "--out", "x", "--memory", "300MB"), "is too little: 4,000 people")
    is_refused(
        cpalab_here("run", *market, "--out", "x", "--memory", "1GB", "--engine", "agents"),
        "--memory:",
        "use --engine cohort",
    )


def test_verify_says_of_every_file_what_is_wrong_with_it(cpalab, worlds, tmp_path, is_refused):
    answer = cpalab("verify", worlds / "whole")
    assert answer.status == 0
    assert "5 files" in answer.out
    assert "all as the manifest says" in answer.out
    broken = tmp_path / "broken"
    broken.mkdir()
    for name, content in files(worlds / "whole").items():
        (broken / name).parent.mkdir(exist_ok=True)
        (broken / name).write_bytes(content)
    part = broken / "events" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    (broken / "users.parquet").unlink()
    (broken / "market.parquet").write_bytes(b"short")
    (broken / "notes.txt").write_text("mine")
    is_refused(
        cpalab("verify", broken),
        "part-00000.parquet: does not match its checksum",
        "users.parquet: is missing",
        "market.parquet: 5 bytes does not match its checksum",
        "notes.txt: is not in the manifest",
    )
    is_refused(cpalab("verify", tmp_path), "holds no manifest.json")
    (tmp_path / "manifest.json").write_text("{}")
    is_refused(cpalab("verify", tmp_path), "is not a manifest of cpalab")
