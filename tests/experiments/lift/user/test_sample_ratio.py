"""Sample-ratio mismatch."""

import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.user.sample_ratio import sample_ratio_check


def test_published_p_values(reference):
    for vector in reference("gbstats/gbstats.json")["srm"]:
        check = sample_ratio_check(
            dict(zip("ab", vector["users"], strict=True)), dict(zip("ab", vector["weights"], strict=True))
        )
        assert check.p_value == pytest.approx(vector["p"], rel=1e-9)


def test_weights_come_in_any_unit():
    users = {"treated": 700, "control": 310}
    assert (
        sample_ratio_check(users, {"treated": 7, "control": 3}).p_value
        == sample_ratio_check(users, {"treated": 0.7, "control": 0.3}).p_value
    )


def test_a_mismatch_is_said():
    check = sample_ratio_check({"treated": 5_300, "control": 4_700}, {"treated": 1, "control": 1})
    assert check.mismatch
    assert "not the ones planned" in check.summary()
    assert check.to_frame()["expected_users"].tolist() == [5_000, 5_000]
    assert "as planned" in sample_ratio_check({"a": 10, "b": 11}, {"a": 1, "b": 1}).summary()


def test_bad_input_is_refused_all_at_once():
    with pytest.raises(LiftInputError) as refusal:
        sample_ratio_check({"a": -1}, {"b": 0.0})
    assert len(refusal.value.lines) == 4
    with pytest.raises(LiftInputError, match="nobody"):
        sample_ratio_check({"a": 0, "b": 0}, {"a": 1, "b": 1})
