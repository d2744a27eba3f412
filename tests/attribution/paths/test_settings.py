"""Conventions are refused when they mean nothing, all at once, with a hint."""

import pytest

from attribution.paths.settings import PathSettings
from cpalab.refusal import InvalidInputError


def test_every_broken_convention_is_named_at_once():
    with pytest.raises(InvalidInputError) as error:
        PathSettings(
            lookback_days=-1,
            channel_view_lookback_days={"social": float("nan")},
            direct="ignored",  # the mistake under test
            lookback_touches=0,
            direct_channels="direct",  # the mistake under test
        )
    problems = error.value.lines
    assert [problem.split(":")[0] for problem in problems] == [
        "lookback_days",
        "channel_view_lookback_days['social']",
        "direct",
        "lookback_touches",
        "direct_channels",
    ]
    assert "did you mean ignored_unless_alone?" in problems[2]


def test_windows_of_a_channel_replace_the_general_ones():
    settings = PathSettings(lookback_days=30, channel_lookback_days={"social": 7}, view_lookback_days=1)
    assert settings.window_days("search", view=False) == 30
    assert settings.window_days("social", view=False) == 7
    assert settings.window_days("social", view=True) == 1


def test_direct_is_recognised_whatever_its_case():
    assert PathSettings().is_direct("Direct")
    assert not PathSettings().is_direct("directory")
