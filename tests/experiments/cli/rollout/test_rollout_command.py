"""`cpalab rollout` and `cpalab faults` as a user meets them."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cpalab.refusal import ScenarioError
from cpalab.whole_output import OutputError
from experiments.cli.rollout.faults import command as faults
from experiments.cli.rollout.rollout import command as rollout
from experiments.cli.rollout.rollout import print_judged
from experiments.rollout.check_rollout import GateRow, GateVerdict
from simulator.scenario.faults import FAULTS

FEW = ["--users", "20000", "--threads", "1"]


@pytest.fixture
def change(tmp_path: Path) -> str:
    path = tmp_path / "change.toml"
    path.write_text('title = "Repeats"\n[[changes]]\nname = "repeats"\nfault = "F3"\nsize = 0.5\n', encoding="utf-8")
    return str(path)


def test_what_billing_shares_with_a_change_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "outage.toml"
    path.write_text(
        'title = "Outage"\n[[changes]]\nname = "outage"\nfault = "tag_outage"\nsize = 0.3\n', encoding="utf-8"
    )
    arguments = ["dtc-apparel", "--change", str(path), "--users", "60000", "--threads", "1", "--no-verify"]
    result = CliRunner().invoke(rollout, arguments, catch_exceptions=False)
    assert "shares its factor with billing in equal parts" in " ".join(result.output.split())


def test_a_table_and_the_statement_that_nothing_real_changed(change: str) -> None:
    result = CliRunner().invoke(rollout, ["dtc-apparel", "--change", change, *FEW], catch_exceptions=False)
    assert result.exit_code == 0
    assert "Repeats: expected shift of CPA" in result.output
    assert "their labels and incremental CPA are the same, event for event" in result.output


def test_json_holds_every_cell(change: str) -> None:
    arguments = ["dtc-apparel", "--change", change, "--json", "--no-verify", *FEW]
    found = json.loads(CliRunner().invoke(rollout, arguments, catch_exceptions=False).stdout)
    whole = next(cell for cell in found["cells"] if (cell["channel"], cell["system"]) == ("all", "analytics"))
    assert 0.5 < whole["multiplier"] < 0.9
    assert found["verified"] is None


def test_what_was_seen_is_diagnosed(change: str, tmp_path: Path) -> None:
    observed = tmp_path / "observed.csv"
    observed.write_text("channel,system,cpa_before,cpa_after\nretargeting,platform,20,20\n", encoding="utf-8")
    arguments = [
        "dtc-apparel",
        "--change",
        change,
        "--observed",
        str(observed),
        "--no-verify",
        *FEW,
        "--people",
        "5000000",
    ]
    result = CliRunner().invoke(rollout, arguments, catch_exceptions=False)
    assert "The planned change alone does not explain what was seen" in result.output
    assert "Only 20,000 people are simulated" in result.output


def test_each_figure_seen_is_put_beside_its_band_those_outside_first(change: str, tmp_path: Path) -> None:
    """Repeats divide the retargeter's CPA by about 1.5: doubled instead is outside, as expected is not."""
    observed = tmp_path / "observed.csv"
    observed.write_text(
        "channel,system,cpa_before,cpa_after\nall,crm,30,30\nretargeting,platform,20,60\n", encoding="utf-8"
    )
    arguments = ["dtc-apparel", "--change", change, "--observed", str(observed), "--no-verify", "--users", "60000"]
    shown = CliRunner().invoke(rollout, [*arguments, "--full"], catch_exceptions=False).stdout
    first, second = (line for line in shown.splitlines() if " · " in line and "band" in line)
    assert re.search(r"retargeting · platform: seen × 3.00, expected × 0.\d\d, band [\d.]+ to [\d.]+: outside", first)
    assert re.search(r"all · crm: seen × 1.00, expected × 1.\d\d, band [\d.]+ to [\d.]+: within", second)


def test_figures_within_their_bands_are_only_counted(capsys: pytest.CaptureFixture[str]) -> None:
    rows = tuple(GateRow(name, "crm", "cpa", 1.0, 1.0, 0.9, 1.1, "within") for name in ("a", "b"))
    outside = GateRow("c", "platform", "cpa", 1.39, 2.07, 1.48, 2.87, "outside")
    print_judged(GateVerdict((outside, *rows), 1, 0.95, daily=False), full=False)
    shown = capsys.readouterr().out
    assert "c · platform: seen × 1.39, expected × 2.07, band 1.48 to 2.87: outside" in shown
    assert "2 other figures lie in their bands or cannot be judged; --full shows all." in shown
    assert "a · crm" not in shown


def test_a_change_that_changes_nothing_is_said_to(tmp_path: Path) -> None:
    path = tmp_path / "change.toml"
    path.write_text('[[changes]]\nset = { "tracking.transport.server_coverage" = 0.95 }\n', encoding="utf-8")
    result = CliRunner().invoke(
        rollout, ["dtc-apparel", "--change", str(path), "--no-verify", *FEW], catch_exceptions=False
    )
    assert "Nothing changes in any system: the scenario may be tracked like this already." in result.output


def test_a_bad_change_file_is_refused_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / "change.toml"
    path.write_text("[[changes]]\nfault = 'tag_outtage'\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="did you mean tag_outage"):
        CliRunner().invoke(rollout, ["dtc-apparel", "--change", str(path)], catch_exceptions=False)


def test_tables_are_written_whole_and_not_over_others(change: str, tmp_path: Path) -> None:
    observed = tmp_path / "observed.csv"
    observed.write_text("channel,system,cpa_before,cpa_after\nretargeting,platform,20,20\n", encoding="utf-8")
    out = tmp_path / "result"
    arguments = ["dtc-apparel", "--change", change, "--no-verify", *FEW, "--out", str(out), "--observed", str(observed)]
    shown = CliRunner().invoke(rollout, arguments, catch_exceptions=False).output
    assert f"Written to {out}" in shown
    assert sorted(path.name for path in out.iterdir()) == [
        "diagnosis.csv", "manifest.json", "rollout.csv", "rollout.html", "rollout.json", "seen.csv", "seen.html",
    ]  # fmt: skip
    written = json.loads((out / "rollout.json").read_text(encoding="utf-8"))
    assert written["people"] == 20_000
    assert written["diagnosis_summary"]
    rows = (out / "rollout.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(written["cells"])
    with pytest.raises(OutputError, match="exists already; --force replaces it"):
        CliRunner().invoke(rollout, arguments, catch_exceptions=False)


def test_the_library_is_listed_and_one_fault_shown() -> None:
    listed = json.loads(CliRunner().invoke(faults, ["--json"]).output)
    assert [row["code"] for row in listed] == [fault.code for fault in FAULTS]
    shown = CliRunner().invoke(faults, ["F12"])
    assert "model_change" in shown.output
    assert "tag_outage" not in shown.output
    unknown = CliRunner().invoke(faults, ["F26"])
    assert unknown.exit_code == 2
    assert f"no such fault: F26; the codes are {', '.join(fault.code for fault in FAULTS)}" in unknown.output
    wrong = CliRunner().invoke(faults, ["outage"])
    assert wrong.exit_code == 2
    assert "no such fault: outage; did you mean tag_outage?" in wrong.output


def test_their_number_is_told_right_everywhere() -> None:
    told = f"{len(FAULTS)} faults"
    assert told in CliRunner().invoke(faults, ["--help"]).output
    for page in ("docs/guide.md", "CHANGELOG.md"):
        text = (Path(__file__).parents[4] / page).read_text(encoding="utf-8")
        assert set(re.findall(r"\b\d+ faults", text)) == {told}, page


def test_figures_that_are_not_compared_are_named_with_the_reason(change: str, tmp_path: Path) -> None:
    observed = tmp_path / "observed.csv"
    observed.write_text(
        "channel,system,cpa_before,cpa_after,roas_before,roas_after\nretargeting,platform,20,20,2,\n"
        "email,analytics,2,2,,\nall,platform,20,20,,\n",
        encoding="utf-8",
    )
    arguments = ["dtc-apparel", "--change", change, "--observed", str(observed), "--no-verify", *FEW]
    arguments += ["--people", "60000"]  # enough for retargeting's platform, not for email in analytics
    shown = CliRunner().invoke(rollout, arguments, catch_exceptions=False).output
    # Not all channels of the total are given: it says something of its own.
    assert "2 of 4 figures compared" in shown
    assert "ROAS of retargeting in platform (noted before or after only" in shown
    assert "CPA of email in analytics (fewer than 25 actions in a period at this volume)" in shown
    told = json.loads(CliRunner().invoke(rollout, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert len(told["left_out"]) == 2


def test_a_price_of_nothing_is_undefined_not_unbounded(tmp_path: Path) -> None:
    path = tmp_path / "change.toml"
    path.write_text('[[changes]]\nname = "no tags"\nfault = "tag_outage"\nsize = 0.99\n', encoding="utf-8")
    words = ["dtc-apparel", "--change", str(path), "--no-verify", "--users", "2000", "--threads", "1"]
    shown = CliRunner().invoke(rollout, words, catch_exceptions=False).output
    found = json.loads(CliRunner().invoke(rollout, [*words, "--json"], catch_exceptions=False).stdout)
    assert any(cell["cpa_tomorrow"] is None for cell in found["cells"])
    assert not any(cell[price] == "inf" for cell in found["cells"] for price in ("cpa_today", "cpa_tomorrow"))
    assert "∞" not in shown
    assert "inf" not in shown.replace("info", "")
    assert "nan" not in shown
