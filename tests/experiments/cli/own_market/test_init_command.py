"""`cpalab init`, and the commands that take what it writes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cpalab.refusal import Refused
from experiments.cli.bench.optimise import command as optimise
from experiments.cli.market.explain import command as explain
from experiments.cli.market.run import command as run
from experiments.cli.market.truth import command as truth
from experiments.cli.own_market.init import command as init
from experiments.cli.rollout.rollout import command as rollout
from experiments.own_market.ensemble import ENSEMBLE
from simulator.scenario.loading import load_scenario
from simulator.storage import verified

TABLE = """channel,cost,impressions,clicks,platform,analytics,crm
Non-brand search,3000,40000,2500,110,60,80
direct,,,,,310,410
"""
QUICK = ["--worlds", "3", "--users", "6000", "--minutes", "0.001", "--threads", "1", "--order-value", "90"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("init")
    (folder / "channels.csv").write_text(TABLE, encoding="utf-8")
    (folder / "lift.csv").write_text("channel,incremental_conversions,lower,upper\nNon-brand search,50,20,80\n")
    arguments = [str(folder / "channels.csv"), "--lift", str(folder / "lift.csv"), "--out", str(folder / "my.toml")]
    result = CliRunner().invoke(init, [*arguments, "--full", *QUICK], catch_exceptions=False)
    return folder / "my.toml", result.output


def test_it_writes_a_scenario_and_an_ensemble_and_says_what_is_open(written: tuple[Path, str]) -> None:
    path, shown = written
    assert load_scenario(path).paid_channels() == ["non_brand_search"]
    assert (path.with_suffix(".ensemble") / ENSEMBLE).is_file()
    for words in (
        "Non-brand search (tested)",
        "Fit of the middle world",
        "its lift test included",
        "lift test that tells most",
    ):
        assert words in " ".join(shown.split())


def test_lags_and_paths_stand_in_the_fit_with_their_sampling_error(tmp_path: Path) -> None:
    (tmp_path / "channels.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "lag.csv").write_text("days,conversions\n0,60\n1-7,30\n8-29,15\n", encoding="utf-8")
    (tmp_path / "paths.csv").write_text("path,conversions\nNon-brand search > direct,40\ndirect,90\n", encoding="utf-8")
    asked = [
        "--lag",
        str(tmp_path / "lag.csv"),
        "--paths",
        str(tmp_path / "paths.csv"),
        "--out",
        str(tmp_path / "my.toml"),
    ]
    shown = CliRunner().invoke(init, [str(tmp_path / "channels.csv"), *asked, "--full", *QUICK], catch_exceptions=False)
    for words in ("0 to 1 days after", "8 to 30 days after", "paths with it", "sampling error"):
        assert words in " ".join(shown.output.split())
    fit = (tmp_path / "my.ensemble" / "fit.csv").read_text(encoding="utf-8")
    assert "sampling_error" in fit
    assert "1 to 8 days after the click" in fit


def test_a_time_budget_ends_the_fit_and_is_said_to(written: tuple[Path, str]) -> None:
    assert "Time was up before 2 more worlds" in " ".join(written[1].split())


@pytest.mark.parametrize("command", [truth, run])
def test_truth_and_run_give_ranges_over_the_worlds(command, written: tuple[Path, str]) -> None:
    folder = written[0].with_suffix(".ensemble")
    result = CliRunner().invoke(command, [str(folder), "--json", "--threads", "1", "--users", "3000"])
    (row,) = json.loads(result.stdout)["ensemble"]
    assert row["incremental_orders_lowest"] <= row["incremental_orders"] <= row["incremental_orders_highest"]
    assert row["platform_cpa"] > 0


def test_rollout_gives_robust_bands_and_a_contract(written: tuple[Path, str], tmp_path: Path) -> None:
    folder = written[0].with_suffix(".ensemble")
    (tmp_path / "change.toml").write_text('[[changes]]\nfault = "utm_lost"\n', encoding="utf-8")
    arguments = [str(folder), "--change", str(tmp_path / "change.toml"), "--contract", str(tmp_path / "bands.json")]
    shown = CliRunner().invoke(rollout, [*arguments, "--threads", "1"], catch_exceptions=False).output
    assert "worlds that all show the same table" in " ".join(shown.split())
    assert json.loads((tmp_path / "bands.json").read_text(encoding="utf-8"))["rows"]
    with pytest.raises(Refused, match="cannot be asked of an ensemble"):
        CliRunner().invoke(rollout, [*arguments, "--observed", "x.csv"], catch_exceptions=False)


def test_explain_gives_ranges_over_the_worlds(written: tuple[Path, str], tmp_path: Path) -> None:
    folder = written[0].with_suffix(".ensemble")
    (tmp_path / "change.toml").write_text('[[changes]]\nname = "lost UTMs"\nfault = "utm_lost"\n', encoding="utf-8")
    asked = [str(folder), "--change", str(tmp_path / "change.toml"), "--threads", "1", "--users", "3000", "--no-truth"]
    result = CliRunner().invoke(explain, [*asked, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert "worlds that all show the same table" in result.output
    verified(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"explain.csv", "by_world.csv", "explain.json"}


def test_optimise_takes_an_ensemble_and_says_what_it_cannot_do_with_one_channel(written: tuple[Path, str]) -> None:
    folder = written[0].with_suffix(".ensemble")
    with pytest.raises(Refused, match="at least two channels that bid in auctions"):
        CliRunner().invoke(optimise, [str(folder), "--seeds", "1", "--users", "3000"], catch_exceptions=False)


def test_what_an_ensemble_would_not_heed_is_refused_all_at_once(written: tuple[Path, str]) -> None:
    folder = str(written[0].with_suffix(".ensemble"))
    with pytest.raises(Refused) as error:
        CliRunner().invoke(truth, [folder, "--curve", "x", "--by", "week"], catch_exceptions=False)
    assert {problem.place for problem in error.value.problems} == {"--by", "--curve"}
    with pytest.raises(Refused, match="ask one of its worlds"):
        CliRunner().invoke(run, [folder, "--judge", "linear"], catch_exceptions=False)
    with pytest.raises(Refused, match="OTHER"):
        CliRunner().invoke(explain, [folder, "dtc-apparel"], catch_exceptions=False)


def test_results_are_not_overwritten_and_need_a_toml_name(written: tuple[Path, str]) -> None:
    table = str(written[0].parent / "channels.csv")
    for out in (written[0], written[0].with_suffix(".txt")):
        with pytest.raises(Refused):
            CliRunner().invoke(init, [table, "--out", str(out), *QUICK], catch_exceptions=False)


def test_results_are_replaced_when_that_is_asked_for(written: tuple[Path, str], tmp_path: Path) -> None:
    table, out = str(written[0].parent / "channels.csv"), tmp_path / "my.toml"
    for words in ([], ["--force"]):
        CliRunner().invoke(init, [table, "--out", str(out), *QUICK, *words], catch_exceptions=False)
    verified(out.with_suffix(".ensemble"))
    asked = [str(out.with_suffix(".ensemble")), "--threads", "1", "--users", "3000", "--out", str(tmp_path / "truth")]
    for words in ([], ["--force"]):
        CliRunner().invoke(truth, [*asked, *words], catch_exceptions=False)
    verified(tmp_path / "truth")
