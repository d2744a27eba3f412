"""Every format writes every preset, and what is read back has the same credits; what cannot be is refused in words."""

import itertools
from datetime import datetime

import pytest

from attribution import load_model
from attribution.formats.records import CountedPaths
from attribution.formats.registry import BUILT_IN, read_data
from cpalab.refusal import Refused
from experiments.bench.export import Exported, export_world, records_of
from simulator.scenario.loading import load_scenario, presets
from simulator.world import World, simulate

MODELS = tuple(map(load_model, ("last_click", "linear", "markov", "shapley")))
SMALL = {"run.users": 2_000, "run.days": 8.0}


@pytest.fixture(scope="module")
def worlds(shop) -> dict[str, World]:
    """Every preset with few people, and a shop where they buy often: many orders per person, some in the warm-up."""
    found = {name: simulate(load_scenario(name, SMALL)) for name in presets()}
    return found | {"busy": simulate(shop({"run.users": 2_000}))}


def credits(paths) -> dict[str, dict[str, float]]:
    found = {model.name: model.fit(paths).credit(paths) for model in MODELS}
    return {
        name: {
            channel: pytest.approx(x, abs=1e-6)
            for channel, x in zip(c.channels, c.conversions.tolist(), strict=True)
            if x
        }
        for name, c in found.items()
    }


def read_back(found: Exported, name: str, folder):
    files = [path for path in found.files if path.name != "costs.csv" or name in ("tables", "snowplow")]
    format = "ga4(channel='campaign')" if name == "ga4" else None
    read = read_data(folder) if name == "simulated_log" else read_data(*files, format=format)
    return read.paths if isinstance(read, CountedPaths) else read.of_action().to_paths()


@pytest.mark.parametrize(("preset", "name"), list(itertools.product([*presets(), "busy"], BUILT_IN)))
def test_what_is_written_reads_back_to_the_same_credits(worlds, preset, name, tmp_path) -> None:
    world = worlds[preset]
    expected = credits(records_of(world).of_action().to_paths())
    found = export_world(world, name, tmp_path)
    got = credits(read_back(found, name, tmp_path))
    assert {m: {c: x.expected for c, x in own.items()} for m, own in got.items()} == expected


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "simulated_log"])
def test_what_analytics_recorded_can_be_written_too(worlds, name, tmp_path) -> None:
    expected = credits(records_of(worlds["busy"], "recorded").to_paths())
    got = credits(read_back(export_world(worlds["busy"], name, tmp_path, tracking="recorded"), name, tmp_path))
    assert {m: {c: x.expected for c, x in own.items()} for m, own in got.items()} == expected


def test_the_log_holds_no_record(worlds, tmp_path) -> None:
    with pytest.raises(Refused, match="holds everything that happened, not what was recorded"):
        export_world(worlds["busy"], "simulated_log", tmp_path, tracking="recorded")


@pytest.mark.parametrize("name", BUILT_IN)
def test_all_costs_are_written_in_the_format_or_beside_it(worlds, name, tmp_path) -> None:
    world = worlds["app-install"]  # pays fees too, which no touch has
    found = export_world(world, name, tmp_path)
    paid = sum(world.cost_micros().values())
    files = [path for path in found.files if path.name == "costs.csv"]
    beside = 0
    if files:
        import pandas as pd

        beside = round(1e6 * pd.read_csv(files[0]).filter(regex="^(cost|spend)$").iloc[:, 0].sum())
    inside = 0
    if name in ("simulated_log", "criteo"):
        read = read_data(tmp_path if name == "simulated_log" else found.files[0])
        inside = sum(read.costs["cost_micros"].to_pylist())
    assert inside + beside == pytest.approx(paid, abs=2)
    assert (inside > 0) == (name in ("simulated_log", "criteo"))


def test_what_is_left_out_is_told(worlds, tmp_path) -> None:
    notes = " ".join(export_world(worlds["busy"], "criteo", tmp_path / "criteo").notes)
    assert "of the warm-up are left out" in notes
    assert "What conversions are worth is left out" in notes
    assert "views are left out: sessions holds visits alone" in " ".join(
        export_world(worlds["busy"], "sessions", tmp_path / "sessions").notes
    )


def test_another_action_and_dates(worlds, tmp_path) -> None:
    world = worlds["busy"]
    found = export_world(world, "tables", tmp_path, action="cart", start=datetime(2026, 3, 1))
    read = read_data(*found.files)
    assert read.actions == ("cart",)
    assert read.conversions["time"][0].as_py().year == 2026
    expected = credits(records_of(world).of_action("cart").to_paths())
    assert {m: {c: x.expected for c, x in own.items()} for m, own in credits(read.to_paths()).items()} == expected
    with pytest.raises(Refused, match="times must be days from the start"):
        export_world(world, "criteo", tmp_path, start=datetime(2026, 3, 1))
    with pytest.raises(Refused, match="did you mean cart"):
        export_world(world, "tables", tmp_path, action="crat")


def test_the_log_keeps_what_became_of_its_orders(worlds, tmp_path) -> None:
    export_world(worlds["busy"], "simulated_log", tmp_path)
    before, after = records_of(worlds["busy"]), read_data(tmp_path)
    for truth in ("qualified", "closed", "refunded"):
        assert after.of_action(truth).conversions.num_rows == before.of_action(truth).conversions.num_rows > 0


def test_the_command_writes_whole_with_a_manifest(tmp_path) -> None:
    from click.testing import CliRunner

    from experiments.cli.market.export import command

    out = tmp_path / "done"
    words = ["dropshipping", "--users", "500", "--days", "3", "--format", "top_paths", "--out", str(out)]
    answer = CliRunner().invoke(command, words, catch_exceptions=False)
    assert "top_paths.csv, costs.csv in" in answer.output
    assert {path.name for path in out.iterdir()} == {"top_paths.csv", "costs.csv", "manifest.json"}
    with pytest.raises(Refused, match="did you mean sessions"):
        CliRunner().invoke(
            command, ["dropshipping", "--format", "sesions", "--out", str(tmp_path / "no")], catch_exceptions=False
        )
    assert not (tmp_path / "no").exists()
