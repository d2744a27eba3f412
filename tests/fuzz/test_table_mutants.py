"""Mutants of tables: odd types, hostile values and damaged text are read, or refused in words, by every reader."""

import datetime
import json
import random
import warnings
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from experiments.cli.main import cli

SEED = 20261129
USERS = 80
DAYS = [datetime.date(2026, 1, 1) + datetime.timedelta(day) for day in range(40)]
DAMAGE = (
    b'"', b",", b"\n", b"\r", b"\x00", b"\xff\xfe", b";", b"1e400", b"=cmd()", b"nan", b"9" * 400, b"-", b"\t", b"1%",
    "１２".encode(), "\u202e".encode(),
)  # fmt: skip


def columns(rows):
    """Makers of odd columns of so many rows."""
    return {
        "a list": pa.array([[1, 2]] * rows),
        "a structure": pa.array([{"a": 1}] * rows),
        "a map": pa.array([[("a", 1)]] * rows, pa.map_(pa.string(), pa.int64())),
        "bytes": pa.array([b"x"] * rows),
        "nothing": pa.nulls(rows),
        "days beyond 9999": pa.array([2_932_897] * rows, pa.date32()),
        "seconds beyond 9999": pa.array([2**48] * rows, pa.timestamp("s")),
        "microseconds beyond 9999": pa.array([2**62] * rows, pa.timestamp("us", tz="UTC")),
        "a length of time": pa.array([1] * rows, pa.duration("s")),
        "a time of day": pa.array([1] * rows, pa.time32("s")),
        "days": pa.array([DAYS[0]] * rows),
        "old days": pa.array([datetime.date(1, 1, 1)] * rows),
        "truth values": pa.array([True] * rows),
        "not a number": pa.array([float("nan")] * rows),
        "enormous": pa.array([1e308] * rows),
        "denormal": pa.array([5e-324] * rows),
        "infinite": pa.array([float("inf")] * rows),
        "negative": pa.array([-1] * rows),
        "half precision": pa.array(np.ones(rows, np.float16)),
        "unsigned": pa.array([2**63] * rows, pa.uint64()),
        "decimals": pa.array([Decimal("1.5")] * rows),
        "words": pa.array(["x"] * rows),
        "empty words": pa.array([""] * rows),
        "formulas": pa.array(["=1+1"] * rows),
        "escapes": pa.array(["\x1b[2J\x00"] * rows),
        "words of a dictionary": pa.array(["a", "b"] * (rows // 2) + ["a"] * (rows % 2)).dictionary_encode(),
        "one number among nothing": pa.array([None] * (rows - 1) + [1]),
        "days as text": pa.array(["2026-01-01"] * rows),
    }


@pytest.fixture(scope="module")
def readers():
    """Per reader: its tables by file name, and the words of the command."""
    draws = np.random.default_rng(3)
    geos, times = (
        list("abcdefgh"),
        [datetime.datetime(2026, 1, 1) + datetime.timedelta(hours=hour) for hour in range(60)],
    )
    user = {
        "user_id": [f"u{user}" for user in range(USERS)],
        "conversions": draws.integers(0, 3, USERS),
        "cost": draws.random(USERS),
    }
    return {
        "user": (
            {
                "users": pa.table(
                    user
                    | {"arm": ["treated", "control"] * (USERS // 2), "value": draws.random(USERS) * 50}
                    | {"exposed": draws.random(USERS) < 0.5}
                )
            },
            ["lift", "user", "users"],
        ),
        "factorial": (
            {
                "cells": pa.table(
                    user
                    | {"video": ["treated", "control"] * 40}
                    | {"search": ["treated", "treated", "control", "control"] * 20}
                )
            },
            ["lift", "factorial", "cells", "--factors", "video,search"],
        ),
        "geo": (
            {
                "panel": pa.table(
                    {"location": [geo for geo in geos for _ in DAYS], "date": DAYS * 8}
                    | {"Y": draws.poisson(50, 320), "cost": draws.random(320)}
                )
            },
            ["lift", "geo", "panel", "--treated", "a,b", "--start", "2026-01-25", "--end", "2026-02-05", "--method", "did"],
        ),
        "switchback": (
            {
                "days": pa.table(
                    {"date": DAYS, "state": ["on", "off"] * 20}
                    | {"response": draws.poisson(50, 40), "cost": draws.random(40)}
                )
            },
            ["lift", "switchback", "days", "--block-days", "1"],
        ),
        "touches": (
            {
                "touches": pa.table(
                    {"user_id": [f"u{row % 12}" for row in range(60)], "time": times}
                    | {"channel": ["a", "b", "c"] * 20, "cost": draws.random(60)}
                ),
                "conversions": pa.table(
                    {"user_id": [f"u{row}" for row in range(12)], "time": times[-12:], "value": draws.random(12)}
                ),
            },
            ["attribute", "touches", "conversions", "--model", "linear"],
        ),
        "paths": (
            {
                "paths": pa.table(
                    {"path": ["a > b", "b", "a > c"] * 5, "total_conversions": draws.integers(1, 9, 15)}
                    | {"total_conversion_value": draws.random(15), "total_null": draws.integers(0, 9, 15)}
                )
            },
            ["attribute", "paths", "--model", "linear"],
        ),
    }  # fmt: skip


def with_odd_columns(table, chance):
    """The table with one or two columns of another kind, and which."""
    told = []
    for _ in range(chance.choice((1, 1, 2))):
        place, kinds = chance.randrange(table.num_columns), columns(len(table))
        kind = chance.choice(sorted(kinds))
        told.append(f"{table.column_names[place]}: {kind}")
        table = table.set_column(place, table.column_names[place], kinds[kind])
    return table, told


def damaged(text, chance):
    """Bytes replaced, cut out, put in, doubled or cut off."""
    for _ in range(chance.choice((1, 1, 3, 10))):
        place = chance.randrange(len(text) + 1)
        match chance.randrange(5):
            case 0:
                text = text[:place] + bytes([chance.randrange(256)]) + text[place + 1 :]
            case 1:
                text = text[:place] + text[place + chance.randrange(1, 40) :]
            case 2:
                text = text[:place] + chance.choice(DAMAGE) + text[place:]
            case 3:
                text = text[:place] + text[max(0, place - 50) :]
            case _:
                text = text[: max(place, 1)]
    return text


def run(words):
    """The command in this process; raises what it raised, and checks that JSON is strict."""
    answer = CliRunner().invoke(cli, words)
    if answer.exception is not None:
        raise answer.exception
    if "--json" in words:
        json.loads(answer.stdout, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


def test_tables_as_they_should_be_are_read(readers, tmp_path):
    for tables, words in readers.values():
        for name, table in tables.items():
            pq.write_table(table, tmp_path / f"{name}.parquet")
        run([str(tmp_path / f"{word}.parquet") if word in tables else word for word in words] + ["--json"])


def test_odd_types_and_damaged_text_are_read_or_refused_in_words(readers, mutants, watched, tmp_path):
    chance, faults = random.Random(SEED), []
    for _ in range(mutants(60)):
        name = chance.choice(sorted(readers))
        tables, words = readers[name]
        ending, told = chance.choice(("parquet", "parquet", "csv")), []
        struck = chance.choice(sorted(tables))
        for table_name, table in tables.items():
            file = tmp_path / f"{table_name}.{ending}"
            if ending == "parquet":
                odd, told = with_odd_columns(table, chance) if table_name == struck else (table, told)
                pq.write_table(odd, file)
            else:
                text = table.to_pandas().to_csv(index=False).encode()
                file.write_bytes(damaged(text, chance) if table_name == struck else text)
        given = [str(tmp_path / f"{word}.{ending}") if word in tables else word for word in words]
        as_json = ["--json"] * (chance.random() < 0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fault = watched(lambda given=given, as_json=as_json: run([*given, *as_json]))
        if fault:
            faults.append(f"{name} {ending} {told}: {fault}")
    assert not faults, "\n".join(faults)
