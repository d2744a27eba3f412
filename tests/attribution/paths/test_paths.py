"""Distinct paths: reading them from text, grouping, merging shards, refusing what does not fit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.paths.build import build_paths
from attribution.paths.paths import Paths
from attribution.paths.settings import PathSettings
from cpalab.refusal import InvalidInputError

rows_of_names = st.lists(
    st.tuples(st.lists(st.sampled_from(["a", "b > c", "7"]), max_size=4), st.integers(0, 3), st.integers(0, 3)),
    max_size=12,
)


def counts(paths):
    names = [tuple(paths.channels[c] for c in row) for row in np.split(paths.codes, paths.offsets[1:-1])]
    return {
        name: (n, lost, value)
        for name, n, lost, value in zip(names, paths.conversions, paths.nulls, paths.value_micros, strict=False)
    }


@given(rows_of_names)
def test_rows_are_grouped_exactly(rows):
    paths = Paths.from_rows(
        [names for names, *_ in rows],
        [n for _, n, _ in rows],
        value_micros=[3 * n for _, n, _ in rows],
        nulls=[lost for *_, lost in rows],
    )
    expected: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for names, n, lost in rows:
        if names:
            before = expected.get(tuple(names), (0, 0, 0))
            expected[tuple(names)] = (before[0] + n, before[1] + lost, before[2] + 3 * n)
    assert (counts(paths) if len(paths) else {}) == expected
    assert paths.total_conversions == sum(n for _, n, _ in rows)
    assert paths.unattributed_conversions == sum(n for names, n, _ in rows if not names)


@pytest.mark.parametrize("column", [list, pd.Series, pa.array, lambda rows: pa.array(rows).dictionary_encode()])
def test_text_is_split_at_the_separator_and_nowhere_else(column):
    paths = Paths.from_rows(column(["search>ads 2 > e-mail", "", "e-mail"]), [2, 1, 4])
    assert paths.channels == ("e-mail", "search>ads 2")
    assert paths.to_frame()["path"].tolist() == ["e-mail", "search>ads 2 > e-mail"]
    assert paths.unattributed_conversions == 1


def test_an_empty_path_in_the_first_row_gives_its_conversions_to_nobody():
    # ChannelAttribution 2.2.5 crashes here, and further down gives them to the row before.
    paths = Paths.from_rows(["", "A > B", "", "C"], [5, 1, 1, 1], nulls=[1, 0, 0, 0])
    assert paths.to_frame()[["path", "conversions"]].values.tolist() == [["A > B", 1.0], ["C", 1.0]]
    assert paths.unattributed_conversions == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"conversions": [1]}, "conversions: 1 numbers for 2 paths"),
        (
            {"conversions": [1, -1]},
            "conversions: must be finite and not negative; 1 rows break this, the first is row 1",
        ),
        ({"conversions": [1, 0], "value_micros": [1, 5]}, "value_micros: must be 0 where nothing converted"),
        ({"conversions": [1, 1], "nulls": [0, np.nan]}, "nulls: must be finite"),
        ({"paths": ["a", "a >  > b"], "conversions": [1, 1]}, "paths: an empty channel name in row 1"),
    ],
)
def test_rows_that_break_a_rule_are_refused(arguments, said):
    with pytest.raises(InvalidInputError, match=said):
        Paths.from_rows(**{"paths": ["a", "b"], **arguments})


def test_arrays_that_do_not_fit_are_refused_all_at_once():
    good = Paths.from_rows(["a > b"], [1])
    with pytest.raises(InvalidInputError) as error:
        replace(good, codes=np.array([0, 9], dtype=np.int32), offsets=np.array([0, 3]), channels=("a", "a"))
    assert [problem.split(":")[0] for problem in error.value.lines] == ["offsets", "codes", "channels"]
    with pytest.raises(InvalidInputError, match="one per path"):
        replace(good, nulls=np.zeros(2))


def random_tables(people, seed=3):
    rng = np.random.default_rng(seed)
    user = rng.integers(0, 200, 900)
    t = {"user_id": user, "time": rng.random(900) * 60, "channel": rng.choice(["x", "y", "z"], 900)}
    c = {
        "user_id": rng.permutation(200)[:90],
        "time": rng.random(90) * 60,
        "value_micros": rng.integers(1, 99, 90),
    }
    return ({k: v[np.isin(d["user_id"], people)] for k, v in d.items()} for d in (t, c))


def test_shards_of_people_merge_to_the_whole_bit_for_bit():
    conventions = PathSettings(observed_until=60.0)
    whole = build_paths(*random_tables(range(200)), conventions)
    shards = [build_paths(*random_tables(range(i, 200, 4)), conventions) for i in range(4)]
    for parts in (shards, shards[::-1]):
        merged = Paths.merge(*parts)
        for name in ("codes", "offsets", "conversions", "value_micros", "nulls"):
            assert np.array_equal(getattr(merged, name), getattr(whole, name)), name
        assert merged.tally == whole.tally
        assert merged.unattributed_conversions == whole.unattributed_conversions
    # The touch level merges too: people stay apart and journeys still point at their paths.
    merged = Paths.merge(*shards)
    assert merged.journeys.people == whole.journeys.people
    again = np.bincount(merged.journey_path[merged.journey_path >= 0])
    assert np.array_equal(again, (merged.conversions + merged.nulls).astype(int))


def test_merging_recodes_channels_by_name():
    merged = Paths.merge(Paths.from_rows(["b > c"], [1]), Paths.from_rows(["a > c", "b > c"], [2, 3]))
    assert merged.channels == ("a", "b", "c")
    assert merged.to_frame()[["path", "conversions"]].values.tolist() == [["b > c", 4.0], ["a > c", 2.0]]


def test_counts_alone_can_be_kept():
    paths = build_paths(*random_tables(range(200)), keep_journeys=False)
    assert paths.journeys is None
    assert paths.journey_path is None
    assert paths.total_conversions == 90


class TestResampling:
    def test_draws_as_many_people_as_there_are_with_all_their_journeys(self):
        paths = build_paths(*random_tables(range(200)))
        journeys = paths.resampled(np.random.default_rng(1)).journeys
        first = np.unique(journeys.person, return_index=True)[1]
        assert journeys.weight[first].sum() == journeys.people
        assert np.array_equal(journeys.weight, journeys.weight[first][journeys.person])

    def test_counts_follow_the_weights(self):
        drawn = build_paths(*random_tables(range(200))).resampled(np.random.default_rng(1))
        journeys, path = drawn.journeys, drawn.journey_path
        for i in range(len(drawn)):
            mine = path == i
            assert drawn.conversions[i] == journeys.weight[mine & journeys.converted].sum()
            assert drawn.nulls[i] == journeys.weight[mine & ~journeys.converted].sum()
            assert drawn.value_micros[i] == (journeys.weight * journeys.value_micros)[mine & journeys.converted].sum()

    def test_from_counts_the_total_stays_and_values_keep_their_mean(self):
        paths = Paths.from_rows(["a", "b", ""], [400, 100, 50], value_micros=[800, 300, 100], nulls=[1000, 0, 0])
        drawn = paths.resampled(np.random.default_rng(5))
        assert drawn.total_conversions + drawn.nulls.sum() == 1550
        assert drawn.conversions.tolist() != paths.conversions.tolist()
        assert np.array_equal(drawn.value_micros, drawn.conversions * [2, 3])
