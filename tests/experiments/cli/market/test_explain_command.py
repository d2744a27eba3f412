"""`cpalab explain` from the command to what it prints, writes and refuses."""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.xdist_group("cli")

SMALL = ["--users", "6000", "--days", "5", "--set", "funnel.2.rate=0.9", "--set", "population.need_per_day.mean=0.01",
         "--set", "market.people=6000"]  # fmt: skip
TAG = '{ "tracking.transport.server_coverage" = 0.0, "tracking.transport.pixel_coverage" = 0.5 }'
CHANGE = f"""
[[changes]]
name = "the tag"
set = {TAG}

[[changes]]
name = "dearer slots"
kind = "world"
set = {{ "surfaces.social.rival_cpm" = 17.0 }}
"""


@pytest.fixture
def change(tmp_path):
    file = tmp_path / "change.toml"
    file.write_text(CHANGE)
    return file


@pytest.fixture
def dated(cpalab_here, tmp_path):
    """A scenario file with a dated change."""
    _, text, _ = cpalab_here("scenarios", "show", "dropshipping")
    file = tmp_path / "dated.toml"
    entry = f'[[timeline]]\nday = 2.0\nnote = "the tag"\nset = {TAG}\n'
    file.write_text(f"{text}\n{entry}")
    return file


def test_it_writes_what_it_found_whole(cpalab_here, change, tmp_path):
    out = tmp_path / "why"
    status, said, err = cpalab_here("explain", "dropshipping", *SMALL, "--change", change, "--out", out, "--json")
    assert (status, err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [
        "cpa_by_week.csv", "explain.csv", "explain.html", "explain.json", "factors.csv", "manifest.json",
    ]  # fmt: skip
    found = json.loads((out / "explain.json").read_text())
    assert found == json.loads(said)
    assert [(cause["name"], cause["kind"]) for cause in found["causes"]] == [
        ("the tag", "record"),
        ("dearer slots", "real"),
    ]
    frame = pd.read_csv(out / "explain.csv")
    own = frame[(frame["channel"] == "all") & (frame["system"] == "platform")]
    assert own["part"].sum() == pytest.approx(own["cpa_after"].iloc[0] - own["cpa_before"].iloc[0])
    page = (out / "explain.html").read_text()
    assert "Why CPA moved" in page
    assert "dearer slots" in page
    assert 'src="http' not in page


def test_a_dated_scenario_prints_a_waterfall_and_sentences(cpalab_here, dated):
    status, said, err = cpalab_here("explain", dated, *SMALL, "--full")
    assert (status, err) == (0, "")
    assert "Days 2 to 5, compared with the same days without the changes." in said
    assert "Nothing real changed: +" in said
    assert "CPA by week, in USD" in said
    steps = [line.split() for line in said.splitlines() if line.startswith(("before", "the tag", "after"))]
    assert [words[0] for words in steps[:3]] == ["before", "the", "after"]
    before, part, after = float(steps[0][1]), float(steps[1][3]), float(steps[2][1])
    assert before + part == pytest.approx(after, abs=0.02)


def test_two_scenarios_are_explained(cpalab_here, dated, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(dated.read_text().replace("bid = 19.5", "bid = 23.0"))
    status, said, err = cpalab_here("explain", dated, other, *SMALL, "--json", "--no-truth")
    assert (status, err) == (0, "")
    assert [cause["name"] for cause in json.loads(said)["causes"]] == ["the bid of social"]


def test_days_may_be_compared_with_earlier_ones(cpalab_here, dated):
    status, said, _ = cpalab_here("explain", dated, *SMALL, "--against", "0..2", "--between", "2..4", "--no-truth")
    assert status == 0
    assert "Days 2 to 4, compared with days 0 to 2." in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dropshipping"], "changes nothing within its 5 reported days; put dated changes on its [[timeline]]"),
        (["dropshipping", "b2b-leads", "--change", "apparel-rescue"], "cannot be given with a second scenario"),
        (["dropshipping", "dtc-apparel"], "both worlds must hold the same people and sessions"),
        (["dropshipping", "dropshipping"], "differ in nothing"),
        (["dropshipping", "--change", "no-such"], "no such file, and no change file of this name"),
    ],
)
def test_what_cannot_be_explained_is_refused(cpalab_here, words, message):
    status, said, err = cpalab_here("explain", *words, *SMALL)
    assert (status, said) == (2, "")
    assert message in err


def test_impossible_days_are_refused_at_once_and_as_typed(cpalab_here, dated):
    status, said, err = cpalab_here("explain", dated, *SMALL, "--between", "4..9", "--against", "3..3", "--orders", "5")
    assert (status, said) == (2, "")
    for option in ("--between: ", "--against: ", "--orders: "):
        assert option in err
    status, _, err = cpalab_here("explain", dated, *SMALL, "--between", "soon", "--against", "4")
    assert status == 2
    assert "--between: 'soon' must be two days; write --between 0..14" in err
    assert "--against: '4' must be two days" in err
