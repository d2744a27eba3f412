"""What was seen before and after a rollout, from the tables that teams have."""

from datetime import date
from pathlib import Path

import pytest

from cpalab.refusal import Refused
from experiments.rollout.seen_periods import SeenRow, read_seen

COUNTS = "channel,system,cost_before,conversions_before,cost_after,conversions_after\nvideo,platform,1000,100,900,45\n"


def read(tmp_path: Path, text: str, encoding: str = "utf-8", live: date | None = None) -> tuple[SeenRow, ...]:
    path = tmp_path / "seen.csv"
    path.write_bytes(text.encode(encoding))
    return read_seen(path, live=live)


def refused(tmp_path: Path, text: str, live: date | None = None) -> str:
    with pytest.raises(Refused) as refusal:
        read(tmp_path, text, live=live)
    return str(refusal.value)


def test_cost_and_actions_of_both_periods(tmp_path: Path) -> None:
    (found,) = read(tmp_path, COUNTS)
    assert found == SeenRow("video", "platform", "cpa", 2.0, 100.0, 45.0, 1000.0, 900.0, emptied=False)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (COUNTS.replace(",", ";"), "utf-8"),
        (COUNTS.replace("channel,system", "Channel,System").replace("cost_before", "Cost before"), "utf-8"),
        (COUNTS.replace(",", "\t"), "utf-16"),
        (COUNTS.replace("conversions", "purchases").replace("cost", "spend"), "utf-8-sig"),
    ],
)
def test_the_same_table_in_other_dialects_is_the_same(tmp_path: Path, text: str, encoding: str) -> None:
    assert read(tmp_path, text, encoding) == read(tmp_path, COUNTS)


def test_prices_alone_have_no_counts_and_an_empty_one_says_that_nothing_is_counted(tmp_path: Path) -> None:
    text = "channel,system,cpa_before,cpa_after,roas_before,roas_after\nvideo,crm,10,15,2,1\nsocial,crm,10,,2,\n"
    first, roas, gone, _ = read(tmp_path, text)
    assert (first.ratio, roas.metric, roas.ratio) == (1.5, "roas", 0.5)
    assert first.actions_before != first.actions_before  # nan
    assert gone.emptied


def test_a_row_per_day_is_summed_before_and_from_the_day_it_went_live(tmp_path: Path) -> None:
    text = "date,channel,system,cost,conversions,value\n" + "".join(
        f"2026-11-{day:02d},video,analytics,{10 * day},{day},{day * 5}\n" for day in (1, 2, 3, 4)
    )
    cpa, roas = read(tmp_path, text, live=date(2026, 11, 3))
    assert (cpa.actions_before, cpa.actions_after, cpa.cost_before, cpa.cost_after) == (3.0, 7.0, 30.0, 70.0)
    assert (cpa.ratio, roas.metric, roas.ratio) == (1.0, "roas", 1.0)
    assert "--live YYYY-MM-DD" in refused(tmp_path, text)
    assert "no row of" in refused(tmp_path, text, live=date(2027, 1, 1))


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = COUNTS + "video,platform,1,1,1,1\n,crm,-1,5,1,1\n"
    said = refused(tmp_path, text)
    for line in ("repeats an earlier row", "channel: is empty", "cost_before: '-1", "must be a number, 0 or more"):
        assert line in said
    assert "columns: must hold cost_before, conversions_before" in refused(tmp_path, "channel,system\nvideo,crm\n")
    assert "stands there twice" in refused(tmp_path, COUNTS.replace("cost_after", "spend_before"))
