"""The folder of a finished world in place of a scenario: the same answers, and nothing can be changed that has happened."""

import json

import pytest

pytestmark = pytest.mark.xdist_group("cli")


@pytest.mark.parametrize("command", ["truth", "record", "run"])
def test_a_stored_world_gives_the_answer_of_its_scenario(cpalab, small, finished, command):
    folder, _ = finished
    stored, fresh = cpalab(command, folder, "--json"), cpalab(command, *small, "--json")
    assert (stored.status, stored.err) == (0, "")
    assert json.loads(stored.out) == json.loads(fresh.out)


def test_a_rollout_replays_a_stored_world(cpalab, small, finished, tmp_path):
    folder, _ = finished
    change = tmp_path / "change.toml"
    change.write_text('[[changes]]\nname = "cleaned UTMs"\nset = { "tracking.transport.utm_loss" = 0.0 }\n')
    answers = [cpalab("rollout", *source, "--change", change, "--json") for source in ([folder], small)]
    stored, fresh = (json.loads(answer.out) for answer in answers)
    assert stored == fresh
    assert stored["verified"]


def test_attribute_reads_a_stored_world_and_its_costs(cpalab, finished):
    folder, _ = finished
    answer = cpalab("attribute", folder, "--json")
    assert (answer.status, answer.err) == (0, "")
    rows = json.loads(answer.out)["rows"]
    social = next(row for row in rows if row["channel"] == "social" and row["cost"])
    assert social["cost_per_conversion"] > 0


def test_tracking_alone_can_be_changed_on_what_has_happened(cpalab, finished, is_refused):
    folder, _ = finished
    lossless = cpalab("record", folder, "--json", "--set", "tracking.transport.analytics_coverage=0.0")
    assert lossless.status == 0
    assert sum(row["analytics"] for row in json.loads(lossless.out)["channels"]) == 0
    is_refused(
        cpalab("record", folder, "--users", "10", "--seed", "3", "--set", "need.lapse_per_day=0.5"),
        "--users: 10 cannot change a world that has happened",
        "--seed: 3 cannot change a world that has happened",
        "--set need.lapse_per_day: 0.5 only tracking can be replayed on a world that has happened",
    )
    is_refused(cpalab("truth", folder, "--set", "tracking.transport.utm_loss=0"), "cannot change a world")
    is_refused(cpalab("truth", folder, "--out", folder, "--force"), "--out:", "is the folder that is read")


def test_a_folder_without_a_world_is_refused(cpalab_here, tmp_path, is_refused):
    is_refused(cpalab_here("truth", tmp_path), "holds no manifest.json")
