"""Streaming gives the paths of reading everything at once, whatever the size of the blocks."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attribution.formats.registry import read_data, write_data
from attribution.model import load_model
from attribution.paths.settings import PathSettings
from attribution.paths.stream import stream_paths
from cpalab.refusal import InvalidInputError


def tables(*, datetimes=False, seed=4, rows=3_000, people=400):
    rng = np.random.default_rng(seed)
    touches = pd.DataFrame(
        {
            "user_id": rng.integers(0, people, rows).astype(np.int64),
            "time": rng.random(rows) * 90,
            "channel": rng.choice(["a", "b 2", "c > d"], rows),
            "kind": rng.choice(["click", "view"], rows),
        }
    )
    bought = pd.DataFrame(
        {
            "user_id": rng.integers(0, people + 50, 300).astype(np.int64),
            "time": rng.random(300) * 90,
            "order_id": rng.integers(0, 200, 300).astype(str),
            "value_micros": rng.integers(1, 100, 300) * 1_000_000,
        }
    )
    if datetimes:
        for table in (touches, bought):
            table["time"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(table["time"], unit="D").dt.round(
                "s"
            )
    return touches.sort_values("user_id", kind="stable"), bought.sort_values("user_id", kind="stable")


def files(tmp_path, *frames, row_group_size=101):
    paths = []
    for name, frame in zip(("touches", "conversions"), frames, strict=True):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=row_group_size)
        paths.append(path)
    return paths


def same(found, expected):
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame())
    assert found.unattributed_conversions == expected.unattributed_conversions
    assert found.unattributed_value_micros == expected.unattributed_value_micros
    assert found.tally == expected.tally


@pytest.mark.parametrize("block_rows", [1, 7, 500, 10**6])
@pytest.mark.parametrize("datetimes", [False, True])
def test_two_tables(tmp_path, block_rows, datetimes):
    touches, bought = tables(datetimes=datetimes)
    settings = PathSettings(touches="clicks_and_views", nulls="uncensored")
    found = stream_paths(*files(tmp_path, touches, bought), settings=settings, block_rows=block_rows)
    same(found.paths, read_data(touches, bought).to_paths(settings))


@pytest.mark.parametrize("block_rows", [1, 50, 10**6])
def test_a_simulated_log_in_several_files(tmp_path, block_rows):
    touches, bought = tables()
    (path,) = write_data(read_data(touches, bought), "simulated_log", tmp_path)
    log = pq.read_table(path)
    cost = np.where(log["channel"].is_valid().to_numpy(), np.arange(len(log)), 0)
    log = log.set_column(log.column_names.index("cost_micros"), "cost_micros", pa.array(cost))
    cut = 1_234
    pq.write_table(log.slice(0, cut), path)
    pq.write_table(log.slice(cut), path.with_name("part-00001.parquet"))
    found = stream_paths(tmp_path, block_rows=block_rows)
    whole = read_data(tmp_path)
    same(found.paths, whole.to_paths())
    costs = whole.costs.to_pandas().groupby("channel", observed=True)["cost_micros"].sum()
    streamed = found.costs.to_pandas().set_index("channel")["cost_micros"]
    assert streamed.sort_index().to_dict() == costs.to_dict()
    assert found.report.rows == len(log)
    assert dict(found.report.left_out) == dict(whole.report.left_out)


def test_models_fit_on_streamed_paths(tmp_path):
    touches, bought = tables()
    streamed = stream_paths(*files(tmp_path, touches, bought), block_rows=100).paths
    whole = read_data(touches, bought).to_paths()
    for name in ("last_click", "linear", "markov"):
        model = load_model(name)
        assert model.fit(streamed).credit(streamed).conversions == pytest.approx(
            model.fit(whole).credit(whole).conversions, rel=1e-12
        )


def test_people_must_stand_together(tmp_path):
    touches, bought = tables()
    with pytest.raises(InvalidInputError, match="people do not stand together"):
        stream_paths(*files(tmp_path, touches.sample(frac=1, random_state=0), bought))


def test_only_parquet_of_two_kinds_streams(tmp_path):
    (tmp_path / "t.csv").write_text("user_id,time,channel\n1,2,a\n")
    with pytest.raises(InvalidInputError) as error:
        stream_paths(tmp_path / "t.csv")
    assert len(error.value.lines) == 2


def test_malformed_rows_follow_the_policy(tmp_path):
    touches, bought = tables()
    (path,) = write_data(read_data(touches, bought), "simulated_log", tmp_path)
    log = pq.read_table(path)
    bad = np.flatnonzero(log["channel"].is_valid().to_numpy())[2_000]
    cost = np.where(np.arange(len(log)) == bad, -5, 0)
    pq.write_table(log.set_column(log.column_names.index("cost_micros"), "cost_micros", pa.array(cost)), path)
    with pytest.raises(InvalidInputError, match=rf"is negative.*row {bad:,}"):
        stream_paths(tmp_path, block_rows=300)
    found = stream_paths(tmp_path, block_rows=300, bad_rows="drop")
    assert found.report.dropped == 1
