"""The leaderboard: its own checks, one's own model among the others, and assumptions that do what they say."""

import json
import math
from dataclasses import dataclass, replace

import pytest

from attribution.models.rules.rules import LastClick
from cpalab.refusal import Refused
from experiments.bench.leaderboard import DEALT_OUT, ORACLE, Leaderboard, leaderboard
from experiments.bench.variations import AS_IT_IS, RECORD_ALONE, VARIATIONS, crossed, overrides_of, variations_asked
from simulator.scenario.loading import load_scenario

SMALL = {"scenarios": ["dropshipping"], "users": 8_000, "seeds": [1, 2]}


@dataclass(frozen=True)
class Mine:
    """Last click under another name: one's own model takes no more than this."""

    name: str = "mine"

    def fit(self, paths):
        return self

    def credit(self, paths):
        return replace(LastClick().credit(paths), method=self.name)


@pytest.fixture(scope="module")
def found() -> Leaderboard:
    return leaderboard(["last_click", "linear", Mine()], variations=[AS_IT_IS, "clicks only"], **SMALL)


def test_the_oracle_has_no_error_and_comes_first(found: Leaderboard) -> None:
    own = found.rows[(found.rows["model"] == ORACLE) & (found.rows["variation"] == AS_IT_IS)]
    assert (own["error"] == 0).all()
    assert (found.rows["error"].dropna() >= 0).all()


def test_ones_own_model_stands_beside_the_others(found: Leaderboard) -> None:
    rows = found.rows.set_index(["variation", "seed", "model"])["error"].unstack()
    assert rows["mine"].equals(rows["last_click"].rename("mine"))


def test_where_ads_caused_nothing_no_share_of_it_can_be_missed(found: Leaderboard) -> None:
    nothing = Leaderboard(found.rows.assign(error=math.nan), found.channels)
    assert "ads caused nothing, so there is no share to differ by" in nothing.summary()
    assert "nearest to the truth is" in found.summary()


def test_there_is_a_row_per_model_and_case_with_seeds_counted(found: Leaderboard) -> None:
    table = found.to_frame()
    assert len(table) == 2 * 5
    assert set(table["seeds"]) == {2}
    assert set(table["model"]) == {"last_click", "linear", "mine", ORACLE, DEALT_OUT}
    assert "\\begin{tabular}" in found.to_latex()


def test_any_map_gives_the_same_rows(found: Leaderboard) -> None:
    backwards = leaderboard(
        ["last_click", "linear", Mine()],
        variations=[AS_IT_IS],
        map_=lambda work, cases: reversed([work(case) for case in reversed(list(cases))]),
        **SMALL,
    )
    same = found.rows[found.rows["variation"] == AS_IT_IS].reset_index(drop=True)
    assert backwards.rows.equals(same)


def test_across_campaigns_the_oracle_explains_everything(found: Leaderboard) -> None:
    table = found.across_campaigns().set_index("model")
    assert table.loc[ORACLE, "r_squared"] == pytest.approx(1.0)
    assert set(table["campaigns"]) == {4}  # one channel in two worlds under two variations
    assert (table["ceiling"] <= 1.0).all()


def test_the_page_shows_every_case_and_loads_nothing(found: Leaderboard) -> None:
    page = found.to_page()
    assert page.count('role="img"') == 2
    for words in ("as it is", "clicks only", "Across campaigns", ORACLE, "last_click"):
        assert words in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_finished_worlds_are_not_judged_twice(found: Leaderboard, tmp_path, monkeypatch) -> None:
    from experiments.bench import leaderboard as module

    asked = {"models": ["last_click", "linear"], "variations": [AS_IT_IS], "keep": tmp_path, **SMALL}
    first = leaderboard(**asked)
    monkeypatch.setattr(module, "simulate", lambda scenario: pytest.fail("a finished world ran again"))
    again = leaderboard(**asked)
    assert again.rows.equals(first.rows)
    assert again.channels.equals(first.channels)


@pytest.mark.parametrize("name", VARIATIONS)
def test_every_variation_is_a_valid_change_of_every_kind_of_scenario(name: str) -> None:
    for preset in ("dtc-apparel", "app-install"):
        changes = overrides_of(name, load_scenario(preset))
        changed = load_scenario(preset, changes)
        assert (changed == load_scenario(preset)) == (
            not changes or changed.model_dump() == load_scenario(preset).model_dump()
        )


def test_a_crossed_variation_changes_what_each_of_its_parts_does() -> None:
    scenario = load_scenario("dtc-apparel")
    both = overrides_of("no targeting + short carry-over", scenario)
    assert both == overrides_of("no targeting", scenario) | overrides_of("short carry-over", scenario)


def test_every_pair_is_crossed_but_those_that_contradict_each_other() -> None:
    pairs = crossed([AS_IT_IS, "no targeting", "strong targeting", "clicks only"])
    assert pairs == ("no targeting + clicks only", "strong targeting + clicks only")
    assert variations_asked([AS_IT_IS, *pairs]) == (AS_IT_IS, *pairs)
    with pytest.raises(Refused, match="change the same assumption"):
        variations_asked(["no targeting + strong targeting"])


@pytest.mark.parametrize("name", RECORD_ALONE)
def test_what_changes_the_record_alone_needs_recorded_tracking(name: str) -> None:
    assert variations_asked([name], "recorded") == (name,)
    assert all(path.startswith("tracking.") for path in overrides_of(name, load_scenario("dtc-apparel")))
    with pytest.raises(Refused, match="ask for recorded tracking"):
        leaderboard(variations=[name])


def test_unknown_words_are_refused_at_once() -> None:
    with pytest.raises(Refused, match="did you mean no targeting"):
        leaderboard(variations=["no targetting"])
    with pytest.raises(Refused, match="last_clik"):
        leaderboard(["last_clik"])
    with pytest.raises(Refused, match="must each hold at least one"):
        leaderboard(seeds=[])


def test_the_command_writes_whole_and_prints_strict_json(tmp_path) -> None:
    import subprocess
    import sys
    from pathlib import Path

    words = [
        "leaderboard",
        "dropshipping",
        "-m",
        "last_click",
        "--seeds",
        "1",
        "--users",
        "3000",
        "--json",
        "--out",
        "done",
    ]
    program = str(Path(sys.executable).with_name("cpalab"))
    answer = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    json.loads(answer.stdout, parse_constant=pytest.fail)
    assert {path.name for path in (tmp_path / "done").iterdir()} == {
        "leaderboard.parquet", "channels.parquet", "leaderboard.csv", "across_campaigns.csv", "leaderboard.tex",
        "leaderboard.html", "error_01_dropshipping_as_it_is.svg", "manifest.json",
    }  # fmt: skip
