"""`cpalab lesson`: the list, a page, and what is refused."""

import pytest

from experiments.report.lessons.lesson import LESSONS


def test_without_a_name_it_lists_the_lessons(cpalab_here):
    status, said, _ = cpalab_here("lesson")
    assert status == 0
    assert all(f"{name} " in said for name in LESSONS)


def test_it_writes_one_page_that_names_how_it_was_made(cpalab_here, tmp_path):
    page = tmp_path / "brand.html"
    status, said, _ = cpalab_here("lesson", "brand", "--out", page, "--users", "3000", "--seed", "5")
    assert status == 0
    assert f"Written: {page}" in said
    assert "cpalab lesson brand --users 3000 --seed 5 --out brand.html" in page.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["brand.html"]


def test_all_that_is_wrong_is_said_at_once(cpalab_here, tmp_path):
    status, _, error = cpalab_here("lesson", "brnad")
    assert status == 2
    assert "did you mean brand" in error
    assert "--out: is missing" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", ["-1", str(2**70)])
def test_a_seed_that_is_none_is_refused(seed, cpalab_here, tmp_path):
    status, _, error = cpalab_here("lesson", "brand", "--seed", seed, "--out", tmp_path / "x.html")
    assert status == 2
    assert "seed" in error
    assert not list(tmp_path.iterdir())


def test_a_page_that_is_there_stays_unless_forced(cpalab_here, tmp_path):
    page = tmp_path / "brand.html"
    page.write_text("mine")
    status, _, error = cpalab_here("lesson", "brand", "--out", page)
    assert status == 2
    assert "--force" in error
    assert page.read_text() == "mine"
