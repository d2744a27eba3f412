"""`cpalab reconcile`: three numbers or a table, of either shape."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cpalab.refusal import Refused
from experiments.cli.own_market.reconcile import command as reconcile

NUMBERS = ["--platform", "120", "--analytics", "90", "--crm", "100"]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(reconcile, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_three_numbers_give_a_verdict_parts_and_a_question() -> None:
    shown = run(*NUMBERS)
    for word in ("normal (probability", "platform - crm", "double claims", "What would tell most", "--scope orders"):
        assert word in shown
    found = json.loads(run(*NUMBERS, "--json"))
    assert found["verdicts"][0]["word"] == "normal"
    assert sum(row["middle"] for row in found["causes"] if row["compared"] == "platform - crm") == pytest.approx(20)


def test_a_wide_and_a_long_table_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("Channel;Platform;Analytics;CRM\nsearch;120;90;100\nsocial;300;60;80\n")
    long = "channel,system,conversions\n" + "".join(
        f"{channel},{system},{n}\n"
        for channel, counts in (("search", (120, 90, 100)), ("social", (300, 60, 80)))
        for system, n in zip(("platform", "analytics", "crm"), counts, strict=True)
    )
    (tmp_path / "long.csv").write_text(long)
    assert run(str(tmp_path / "wide.csv"), "--json") == run(str(tmp_path / "long.csv"), "--json")


def test_rates_may_stand_in_the_table_and_cells_may_be_empty(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("channel,platform,analytics,crm,view\nretargeting,630,69,96,0.79\nsearch,120,,100,\n")
    found = json.loads(run(str(table), "--json", "--full"))
    bug = {row["channel"]: row["bug"] for row in found["verdicts"]}
    assert bug["retargeting"] < 0.3
    assert {row["compared"] for row in found["causes"] if row["channel"] == "search"} == {"platform - crm"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channel,platform\na,1\n", "at least two of"),
        ("platform,crm\n1,2\n", "column channel"),
        ("channel,platform,crm\na,many,2\n", "row 1: platform"),
        ("channel,system,conversions\na,platform,1\na,ga,2\n", "must be one of platform, analytics, crm"),
        ("channel,system,conversions\na,crm,1\na,crm,2\n", "repeats an earlier row"),
    ],
)
def test_tables_that_cannot_be_read_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(Refused, match=said):
        CliRunner().invoke(reconcile, [str(tmp_path / "t.csv")], catch_exceptions=False)


@pytest.mark.parametrize("arguments", [[], ["--platform", "120"], ["t.csv", "--platform", "120"]])
def test_too_little_or_both_is_refused(arguments: list[str]) -> None:
    with pytest.raises(Refused):
        CliRunner().invoke(reconcile, arguments, catch_exceptions=False)


def test_the_page_is_written_where_there_is_a_folder(tmp_path: Path) -> None:
    run(*NUMBERS, "--page", str(tmp_path / "why.html"))
    assert "From the CRM to the ad platform" in (tmp_path / "why.html").read_text(encoding="utf-8")
    with pytest.raises(Refused, match="lies in a folder that does not exist"):
        run(*NUMBERS, "--page", str(tmp_path / "none" / "why.html"))
