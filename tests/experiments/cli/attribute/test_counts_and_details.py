"""What `cpalab attribute` says of rows and of what models learnt: counts, --details, --currency, --transform."""

import json

import pandas as pd
import pytest

TOUCHES = "user_id,time,channel\nu1,2026-03-01 10:00,search\nu1,2026-03-01 12:00,email\nu2,2026-03-01 10:00,video\n"
TOUCHES += "u4,x,video\n"
ORDERS = (
    "user_id,time,order_id,value\nu1,2026-03-02,o1,10\nu1,2026-03-02,o1,10\nu2,2026-03-03,o2,20\nu3,2026-03-03,o3,5\n"
)
PATHS = "path,conversions,nulls\na > a > b > direct,6,4\nb > a,3,7\na,1,9\nb,2,18\n"


@pytest.fixture
def cpalab(cpalab_here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "touches.csv": TOUCHES,
        "orders.csv": ORDERS,
        "paths.csv": PATHS,
        "costs.csv": "channel,cost,currency\nsearch,10,USD\nradio,10,EUR\n",
        "rates.csv": "currency,rate\nUSD,0.5\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return cpalab_here


def test_every_row_is_counted_once(cpalab):
    words = ("attribute", "touches.csv", "orders.csv", "-m", "linear", "--bad-rows", "drop")
    rates = ("--cost", "costs.csv", "--currency", "eur", "--rates", "rates.csv")
    status, out, _ = cpalab(*words, *rates, "--json")
    assert status == 0
    counts = {(row["what"], row["of"]): row["rows"] for row in json.loads(out)["counts"]}
    assert counts == {
        ("read", "touches.csv"): 4,
        ("malformed, dropped", "touches.csv"): 1,
        ("read", "orders.csv"): 4,
        ("read", "costs.csv"): 2,
        ("counted", "touches"): 3,
        ("counted", "conversions"): 3,
        ("merged", "conversions whose order was told before"): 1,
        ("unmatched", "people with conversions and no touch, of 3"): 1,
        ("unmatched", "conversions without any touch"): 1,
        ("unmatched", "channels that cost something and are in no path"): 1,
    }
    assert {row["channel"]: row["cost"] for row in json.loads(out)["rows"]}["search"] == 5
    _, screen, _ = cpalab(*words)
    assert "What was read" in screen
    assert "conversions whose order was told before" in screen


def test_several_currencies_without_rates_are_refused(cpalab):
    status, _, err = cpalab("attribute", "touches.csv", "orders.csv", "--cost", "costs.csv", "--bad-rows", "drop")
    assert (status, "--rates FILE" in err) == (2, True)
    status, _, err = cpalab("attribute", "touches.csv", "orders.csv", "--currency", "EUR")
    assert (status, "one alone says nothing" in err) == (2, True)


def test_details_hold_what_models_learnt(cpalab, tmp_path):
    models = ("-m", "markov", "-m", "markov_automatic", "-m", "shapley", "-m", "last_click")
    status, out, _ = cpalab("attribute", "paths.csv", *models, "--details", "learnt")
    assert status == 0
    written = {file.stem: pd.read_csv(file) for file in (tmp_path / "learnt").iterdir()}
    assert {"markov", "markov-transitions", "markov_automatic", "coalitions"} <= written.keys()
    assert set(written["markov"]["channel"]) == {"a", "b", "direct"}
    sets = written["coalitions"].set_index("channels")
    assert sets.loc["a + b", ["conversions", "worth"]].tolist() == [3, 6]
    assert "order 1 of" in out or "order 2 of" in out


def test_nothing_is_left_where_the_models_refuse(cpalab, tmp_path):
    status, _, _ = cpalab("attribute", "paths.csv", "-m", "time_decay", "--details", "learnt")
    assert status == 2
    assert not (tmp_path / "learnt").exists()


def test_transforms_change_the_paths_first(cpalab):
    words = (
        "attribute",
        "paths.csv",
        "-m",
        "last_click",
        "--transform",
        "exposure",
        "--transform",
        "remove_last_direct",
    )
    _, out, _ = cpalab(*words, "--json")
    assert {row["channel"]: row["conversions"] for row in json.loads(out)["rows"]}["b"] == 8
    status, _, err = cpalab(*words, "--by", "device")
    assert (status, "--transform" in err) == (2, True)


def test_data_without_a_conversion_say_so(cpalab, tmp_path):
    (tmp_path / "none.csv").write_text("path,conversions\na,0\na > b,0\n")
    _, out, _ = cpalab("attribute", "none.csv", "-m", "last_click")
    assert "There is no conversion in the data" in out


def test_a_database_is_read_by_queries(cpalab, tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("CREATE TABLE touches AS SELECT 'u1' AS user_id, '2026-03-01' AS time, 'email' AS channel")
        base.execute("CREATE TABLE orders AS SELECT 'u1' AS user_id, '2026-03-02' AS time, 'o1' AS order_id")
    queries = ("--query", "SELECT * FROM touches", "--query", "SELECT * FROM orders")
    status, out, _ = cpalab("attribute", "shop.db", *queries, "-m", "last_click", "--json")
    assert (status, json.loads(out)["rows"][0]["conversions"]) == (0, 1)
    status, _, err = cpalab("attribute", "shop.db")
    assert (status, "say which rows of touches, orders" in err) == (2, True)
    status, _, err = cpalab("attribute", "paths.csv", *queries)
    assert (status, "none of the files is a database" in err) == (2, True)


@pytest.mark.parametrize(("offset", "said"), [("-05:00", True), ("", False)])
def test_the_time_zone_of_days_is_stated(cpalab, tmp_path, offset, said):
    (tmp_path / "t.csv").write_text(f"user_id,time,channel\nu1,2026-03-01T23:30:00{offset},search\n")
    (tmp_path / "o.csv").write_text(f"user_id,time,order_id\nu1,2026-03-02T05:00:00{offset},o1\n")
    _, out, _ = cpalab("attribute", "t.csv", "o.csv", "-m", "linear", "--period", "day", "--json")
    assert any("is one of UTC" in note for note in json.loads(out)["notes"]) == said


def test_lift_tests_are_read_like_all_other_tables(cpalab, tmp_path):
    (tmp_path / "tests.csv").write_text("channel;incremental_conversions;standard_error\na;1,500;2,250\n")
    words = ("attribute", "paths.csv", "-m", "linear", "--lift-tests", "tests.csv")
    assert cpalab(*words)[0] == 2  # 1,500 could be a thousand and a half
    status, out, _ = cpalab(*words, "--decimal", "comma", "--json")
    found = {(row["method"], row["channel"]): row["conversions"] for row in json.loads(out)["rows"]}
    assert (status, found["lift_calibrated_linear", "a"]) == (0, pytest.approx(1.5))
