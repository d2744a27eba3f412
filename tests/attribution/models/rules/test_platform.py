"""Platform claims: own windows, click before view, claims that exceed the orders, and declare it."""

import math

import pytest

from attribution.models.rules.platform import PlatformClaims
from attribution.models.rules.rules import LastClick
from attribution.paths.build import build_paths
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError


def claims(model, touches, orders=((1, 10.0),), value_micros=4):
    """Return credit of touches (user, time, channel, kind) and orders (user, time)."""
    user, time, channel, kind = zip(*touches, strict=True)
    paths = build_paths(
        {"user_id": user, "time": time, "channel": channel, "kind": kind},
        {
            "user_id": [u for u, _ in orders],
            "time": [t for _, t in orders],
            "value_micros": [value_micros] * len(orders),
        },
        model.path_settings(),
    )
    credit = model.fit(paths).credit(paths)
    return credit, dict(zip(credit.channels, credit.conversions, strict=True))


def test_platforms_claim_the_same_order_and_the_credit_says_so():
    touches = [(1, 5.0, "social", "click"), (1, 9.0, "search", "click"), (1, 9.5, "video", "view")]
    credit, found = claims(PlatformClaims(), touches)
    assert found == {"search": 1, "social": 1, "video": 1}
    assert credit.duplicate_conversions == 2
    assert credit.duplicate_value_micros == 8
    assert "2.0 of the credits are for conversions credited already" in credit.summary()


def test_windows_are_each_channels_own_and_include_their_edge():
    model = PlatformClaims(channel_click_days={"search": 30}, channel_view_days={"video": 2.5})
    touches = [
        (1, -20.0, "search", "click"),
        (1, 3.0, "social", "click"),
        (1, 2.9, "display", "click"),
        (1, 7.5, "video", "view"),
        (1, 8.9, "banner", "view"),
    ]
    _, found = claims(model, touches)
    assert found == {"search": 1, "social": 1, "display": 0, "video": 1, "banner": 0}


def test_within_a_platform_a_click_beats_a_later_view_and_the_last_click_an_earlier_one():
    one = PlatformClaims(platform_of={"feed": "network", "stories": "network", "reels": "network"})
    touches = [
        (1, 4.0, "feed", "click"), (1, 6.0, "stories", "click"), (1, 9.9, "reels", "view"),
    ]  # fmt: skip
    credit, found = claims(one, touches)
    assert found == {"feed": 0, "stories": 1, "reels": 0}
    assert credit.duplicate_conversions == 0


def test_a_touch_serves_every_order_in_its_window():
    _, found = claims(PlatformClaims(), [(1, 5.0, "social", "click")], orders=[(1, 6.0), (1, 11.0), (1, 13.0)])
    assert found == {"social": 2}


def test_what_no_platform_claims_is_nobodys():
    touches = [(1, 9.0, "direct", "click"), (2, 1.0, "social", "click")]
    model = PlatformClaims(channel_click_days={"email": 90})  # so that the paths reach back far enough
    credit, found = claims(model, touches, orders=[(1, 10.0), (2, 10.0)])
    assert found == {"direct": 0, "social": 0}
    assert credit.unattributed_conversions == 2
    assert credit.unattributed_value_micros == 8


def test_channels_of_no_platform_claim_nothing():
    touches = [(1, 8.0, "newsletter", "click"), (1, 9.0, "social", "click")]
    _, found = claims(PlatformClaims(platform_of={"social": "network"}), touches)
    assert found == {"newsletter": 0, "social": 1}


def test_one_platform_with_endless_windows_is_last_click():
    everything = dict.fromkeys(["a", "b", "c"], "one")
    model = PlatformClaims(click_days=math.inf, view_days=math.inf, platform_of=everything)
    touches = [(u, float(t), c, "click") for u, t, c in [(1, 1, "a"), (1, 2, "b"), (2, 3, "c"), (2, 1, "b")]]
    paths = build_paths(
        {
            "user_id": [u for u, *_ in touches],
            "time": [t for _, t, *_ in touches],
            "channel": [c for _, _, c, _ in touches],
        },
        {"user_id": [1, 2], "time": [10.0, 10.0]},
    )
    assert model.credit(paths).conversions.tolist() == LastClick().credit(paths).conversions.tolist()


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InvalidInputError) as error:
        PlatformClaims(click_days=-1, channel_view_days={"a": math.nan})
    assert len(error.value.lines) == 2
    with pytest.raises(InvalidInputError, match="paths: hold counts only, without times"):
        PlatformClaims().credit(Paths.from_rows(["a"], [1]))
