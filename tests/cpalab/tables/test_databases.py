"""Databases: one table per query, read only; what cannot be read says how to bring it."""

import sqlite3

import pytest

from cpalab.refusal import InvalidInputError
from cpalab.tables.databases import is_database, query_tables, without_password


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("CREATE TABLE orders (user_id TEXT, time TEXT, order_id TEXT, value)")
        base.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            [("u1", "2026-03-02", "o1", 10.5), ("u2", "2026-03-03", "o2", "20")],
        )
        base.execute("CREATE TABLE touches (user_id TEXT, time TEXT, channel TEXT)")
        base.execute("INSERT INTO touches VALUES ('u1', '2026-03-01', 'email')")
    return "shop.db"


def test_each_query_is_a_table(shop):
    found = query_tables(shop, ["SELECT * FROM touches", "SELECT user_id, value FROM orders"])
    assert found[0].to_pylist() == [{"user_id": "u1", "time": "2026-03-01", "channel": "email"}]
    assert found[1]["value"].to_pylist() == ["10.5", "20"]  # cells of two types are text
    assert query_tables("sqlite:///shop.db", ["SELECT 1 AS one"])[0].to_pylist() == [{"one": 1}]


def test_nothing_is_ever_written(shop):
    with pytest.raises(InvalidInputError, match=r"readonly|gives no rows"):
        query_tables(shop, ["DELETE FROM orders"])
    assert len(query_tables(shop, ["SELECT * FROM orders"])[0]) == 2


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ([], "say which rows of orders, touches"),
        (["SELECT * FROM order"], "is refused by the database"),
        (["PRAGMA x"], "no rows"),
    ],
)
def test_what_is_wrong_with_a_query_is_said(shop, queries, said):
    with pytest.raises(InvalidInputError) as error:
        query_tables(shop, queries)
    assert said in str(error.value)


def test_a_missing_file_and_a_missing_library_say_what_to_do(tmp_path):
    with pytest.raises(InvalidInputError, match="does not exist"):
        query_tables("sqlite:///nowhere.db", ["SELECT 1"])
    with pytest.raises(InvalidInputError) as error:
        query_tables("postgres://ann:secret@127.0.0.1:1/base", ["SELECT 1"])
    assert "secret" not in str(error.value)
    assert "cpalab[database]" in str(error.value) or "cannot be read" in str(error.value)


def test_databases_are_told_from_files(shop, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert is_database(shop)
    assert is_database("postgres://u@h/b")
    assert not is_database(tmp_path / "a.csv")
    assert without_password("postgres://ann:secret@host/base") == "postgres://…@host/base"
