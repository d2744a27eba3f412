"""Times in the form that most files hold are read as all others are, in one go; any other is left to the slower reader."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cpalab.tables.moments import in_micros, moments, plain_instants


def texts_of(*texts):
    return pa.chunked_array([pa.array(texts, pa.large_string())])


@pytest.mark.parametrize(
    "texts",
    [
        ("2026-03-01", "2024-02-29"),
        ("2026-03-01 10:00", "2026-03-01T23:59:59", "1969-12-31 00:00:00.5", None, "2026-03-01"),
        ("2026-03-01T10:00:00.123456Z", "2026-03-01 10:00+02", "2026-03-01 10:00:00-0530", "2026-03-01 10:00:01+05:30"),
    ],
)
def test_it_finds_the_same_instants(texts):
    found = plain_instants(texts_of(*texts))
    expected = in_micros(moments(pd.Series(texts), None))
    np.testing.assert_array_equal(found.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), expected)


@pytest.mark.parametrize(
    "texts",
    [
        ("2026-02-30",),
        ("2026-03-01", "1/3/2026"),
        ("2026-03-01 10:00", "2026-03-01 10:00Z"),
        ("0001-01-01", "2026-03-01"),
        ("20260301", "2026-03-01"),
        (None, None),
        (),
        ("2026-03-01 10:00:00.1234567",),
        ("2026-03-01 25:00",),
    ],
)
def test_all_else_is_left_to_the_other_reader(texts):
    assert plain_instants(texts_of(*texts)) is None
