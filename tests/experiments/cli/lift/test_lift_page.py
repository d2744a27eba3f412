"""`cpalab lift … --page`: each of the four readings writes its page, whole or not at all."""

import numpy as np
import pandas as pd
import pytest

USERS = pd.DataFrame(
    {"arm": ["treated", "control"], "users": [9_000, 1_000], "conversions": [120, 9], "cost": [500.0, 0.0]}
)


DATES = pd.date_range("2026-01-05", periods=40)


def regions() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {"date": date, "geo": f"geo{g}", "response": rng.poisson(60 + 5 * g), "cost": 10.0 * (g < 3 and day >= 28)}
        for g in range(8)
        for day, date in enumerate(DATES)
    )


def blocks() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    on = [(day // 2) % 2 for day in range(len(DATES))]
    return pd.DataFrame(
        {"date": date, "state": "on" if is_on else "off", "response": rng.poisson(60), "cost": 5.0 * is_on}
        for date, is_on in zip(DATES, on, strict=True)
    )


def factorial() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    arms = rng.choice(["treated", "control"], (400, 2))
    rows = {"user_id": np.arange(400), "arm_a": arms[:, 0], "arm_b": arms[:, 1], "conversions": rng.poisson(0.4, 400)}
    return pd.DataFrame(rows)


READINGS = {
    "user": (lambda: USERS, []),
    "factorial": (factorial, []),
    "geo": (regions, ["--treated", "geo0,geo1,geo2", "--start", "2026-02-02", "--end", "2026-02-13"]),
    "switchback": (blocks, ["--block-days", "2"]),
}


@pytest.mark.parametrize("kind", READINGS)
def test_each_reading_writes_its_page(kind, cpalab_here, tmp_path):
    table, options = READINGS[kind]
    table().to_csv(tmp_path / "test.csv", index=False)
    page = tmp_path / "found.html"
    status, said, error = cpalab_here("lift", kind, tmp_path / "test.csv", *options, "--page", page)
    assert status == 0, error
    assert said
    text = page.read_text(encoding="utf-8")
    assert "What the lift test found" in text
    assert any(word in text for word in ("Cannot tell", "Yes, "))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.html", "test.csv"]


def test_a_page_in_a_folder_that_is_not_there_is_refused_before_any_work(cpalab_here, tmp_path):
    USERS.to_csv(tmp_path / "test.csv", index=False)
    status, _, error = cpalab_here("lift", "user", tmp_path / "test.csv", "--page", tmp_path / "no" / "found.html")
    assert status == 2
    assert "--page" in error
    assert "create it first" in error
