"""Fingerprints: what a preset's people do changes only together with a line in CHANGELOG.md.

If a test here fails and the change of the law, the draws or a preset is meant, name it in CHANGELOG.md and run

    CPALAB_REFRESH=1 python -m pytest tests/data/test_fingerprints.py

which writes tests/data/fingerprints.json anew, with the version line of CHANGELOG.md under which it was done.
"""

import hashlib
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from simulator.scenario.loading import load_scenario, presets
from simulator.storage import fingerprint
from simulator.world import simulate

STORED = Path(__file__).with_name("fingerprints.json")
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
HOW_TO_REFRESH = (
    "{name} is no longer what it was. If that is meant: name the change in CHANGELOG.md, then run "
    "CPALAB_REFRESH=1 python -m pytest tests/data/test_fingerprints.py"
)
SMALL = {"run.users": 5_000, "run.days": 10.0}


def changelog_entries():
    """A digest of what CHANGELOG.md says, so that a refresh without a new line there is noticed."""
    words = " ".join(CHANGELOG.read_text(encoding="utf-8").split())
    return hashlib.sha256(words.encode()).hexdigest()


def fingerprint_of(name):
    """Of a small log. Times are rounded to a tenth of a second, so that no machine's last bit of a logarithm shows."""
    events = simulate(load_scenario(name, SMALL)).events
    time = events.column_names.index("time")
    return fingerprint(events.set_column(time, "time", pc.round(events["time"], 6))), events.num_rows


@pytest.fixture(scope="module", autouse=True)
def refreshed():
    """Store new fingerprints if asked to; refused while CHANGELOG.md is what it was at the last refresh."""
    if os.environ.get("CPALAB_REFRESH") != "1":
        return
    found = {name: dict(zip(("sha256", "events"), fingerprint_of(name), strict=True)) for name in presets()}
    before = json.loads(STORED.read_text()) if STORED.exists() else {"presets": {}, "changelog": ""}
    if found == before["presets"]:
        return
    if before["changelog"] == changelog_entries():
        pytest.exit("CHANGELOG.md has no new line since the fingerprints were stored: name the change there first")
    STORED.write_text(json.dumps({"presets": found, "changelog": changelog_entries()}, indent=2) + "\n")


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text())["presets"]


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_log_of_a_preset_is_what_it_was(name, stored):
    sha256, events = fingerprint_of(name)
    assert stored[name]["events"] == events, HOW_TO_REFRESH.format(name=name)
    assert stored[name]["sha256"] == sha256, HOW_TO_REFRESH.format(name=name)


def test_every_preset_has_a_fingerprint_and_no_other(stored):
    assert sorted(stored) == sorted(presets())


# ---------------------------------------------------------------- what a fingerprint sees


@pytest.fixture(scope="module")
def events():
    return simulate(load_scenario("dropshipping", {"run.users": 500})).events


def test_it_does_not_see_chunks_or_the_order_of_dictionaries(events):
    half = events.num_rows // 2
    cut = pa.concat_tables([events.slice(0, half), events.slice(half)])
    assert fingerprint(cut) == fingerprint(events)
    kind = events["kind"].combine_chunks()
    backwards = pa.array(kind.dictionary.to_pylist()[::-1])
    codes = pc.index_in(kind.cast(pa.string()), backwards).cast(pa.int16())
    turned = pa.DictionaryArray.from_arrays(codes, backwards)
    place = events.column_names.index("kind")
    assert fingerprint(events.set_column(place, "kind", turned)) == fingerprint(events)


@pytest.mark.parametrize("column", ["user_id", "session", "time", "cost_micros", "value_micros"])
def test_it_sees_one_number_changed(events, column):
    numbers = events[column].to_numpy().copy()
    numbers[7] += 1
    changed = events.set_column(events.column_names.index(column), column, pa.array(numbers))
    assert fingerprint(changed) != fingerprint(events)


@pytest.mark.parametrize("column", ["kind", "channel", "campaign", "creative", "device", "geo"])
def test_it_sees_one_word_changed_and_one_word_lost(events, column):
    place, words = events.column_names.index(column), events[column].to_pylist()
    for word in ("another", None):
        changed = [*words[:7], word, *words[8:]]
        table = events.set_column(place, column, pa.array(changed, pa.string()))
        assert (fingerprint(table) != fingerprint(events)) == (words[7] != word)


def test_it_sees_rows_lost_swapped_and_columns_renamed(events):
    swapped = events.take([1, 0, *range(2, events.num_rows)])
    renamed = events.rename_columns(["who", *events.column_names[1:]])
    prints = {fingerprint(table) for table in (events, swapped, renamed, events.slice(1))}
    assert len(prints) == 4
