"""`cpalab record`: what each system saw, on the screen, as JSON and as files."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from experiments.cli.attribute.attribute import command as attribute
from experiments.cli.market.record import command as record

SMALL = ["dtc-apparel", "--users", "20000", "--threads", "1"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("record") / "result"
    return out, CliRunner().invoke(record, [*SMALL, "--out", str(out)], catch_exceptions=False).output


def test_the_screen_shows_every_system(written: tuple[Path, str]) -> None:
    _, shown = written
    for title in ("by channel", "default channel group", "Privacy-preserving postbacks", "Noisy aggregate report"):
        assert title in shown
    assert "Web analytics saw" in shown


def test_files_and_json_hold_the_same(written: tuple[Path, str]) -> None:
    out, _ = written
    assert sorted(path.name for path in out.iterdir()) == [
        "aggregate.csv", "channel_groups.csv", "channels.csv", "claims.parquet", "conversions.parquet", "costs.csv",
        "manifest.json", "postbacks.csv", "record.html", "record.json", "touches.parquet",
    ]  # fmt: skip
    tables = json.loads((out / "record.json").read_text(encoding="utf-8"))
    claims = pq.read_table(out / "claims.parquet").to_pandas()
    of = (
        claims.assign(counted=claims["conversions"] + claims["modelled"])
        .groupby("system", observed=True)["counted"]
        .sum()
    )
    for system in ("platform", "analytics", "crm"):
        assert sum(row[system] for row in tables["channels"]) == pytest.approx(of[system])
    assert sum(row["crm"] for row in tables["channels"]) == tables["orders"]
    assert sum(row["conversions"] for row in tables["channel_groups"]) == pytest.approx(of["analytics"])
    groups = {row["channel_group"] for row in tables["channel_groups"]}
    assert {"paid_search", "paid_shopping", "paid_social", "display", "affiliates", "direct"} <= groups


def test_recorded_touches_attributed_by_the_rule_of_web_analytics_give_its_report(written: tuple[Path, str]) -> None:
    out, _ = written
    files = [str(out / "touches.parquet"), str(out / "conversions.parquet"), "--cost", str(out / "costs.csv")]
    rule = ["--model", "last_click", "--direct", "ignored_unless_alone", "--lookback", "90"]
    result = CliRunner().invoke(attribute, [*files, *rule, "--json"], catch_exceptions=False)
    rows = {row["channel"]: row for row in json.loads(result.output)["rows"]}
    report = json.loads((out / "record.json").read_text(encoding="utf-8"))["channels"]
    reported = {row["channel"]: row["analytics"] for row in report if row["channel"] in rows}
    direct = reported.pop("direct")
    assert sum(reported.values()) > 50
    assert {channel: rows[channel]["conversions"] for channel in reported} == pytest.approx(reported)
    assert rows["direct"]["conversions"] <= direct  # orders whose session analytics missed are direct to it
    assert rows["retargeting"]["cost"] > 0


def test_a_postback_says_nothing_or_one_of_four_values(written: tuple[Path, str]) -> None:
    out, _ = written
    rows = json.loads((out / "record.json").read_text(encoding="utf-8"))["postbacks"]
    assert rows
    for row in rows:
        assert row["postbacks"] == sum(row[value] for value in ("none", "low", "medium", "high", "withheld"))
        assert row["sequence"] in (1, 2, 3)


def test_a_group_that_was_paid_for_and_counted_nothing_has_no_price(written: tuple[Path, str]) -> None:
    """Video: nobody clicks on a television."""
    out, shown = written
    rows = json.loads((out / "record.json").read_text(encoding="utf-8"))["channel_groups"]
    empty = [row for row in rows if row["cost"] > 0 and not row["conversions"]]
    assert empty
    assert all(row["cost_per_conversion"] is None for row in empty)
    assert "∞" not in shown
