"""Own steps are found by the loader of all own code, and written so that they are found again."""

from cpalab.refusal import Problem
from simulator.engines.own_steps import load_step, place_of

STEP = "def step(law, board):\n    return 1.0\n"


def test_a_step_in_a_file_or_in_the_current_folder_is_found_and_found_again(tmp_path, monkeypatch):
    (tmp_path / "my_steps.py").write_text(STEP)
    monkeypatch.chdir(tmp_path)
    by_module, by_file = load_step("my_steps:step"), load_step("./my_steps.py:step")
    assert by_module is by_file
    assert place_of(by_file) == f"{tmp_path / 'my_steps.py'}:step"
    assert load_step(place_of(by_file)) is by_file


def test_an_importable_step_keeps_its_name():
    assert place_of(load_step("math:exp")) == "math:exp"


def test_what_cannot_be_loaded_is_said(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("import no_such_module_anywhere\n")
    monkeypatch.chdir(tmp_path)
    for place in ("exposure", "broken:step", "./missing.py:step", "my.module:"):
        found = load_step(place)
        assert isinstance(found, Problem)
        assert "cannot be loaded" in found.rule
