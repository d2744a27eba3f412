"""Misjudged: a factor only where it is known, and a bound where only that is."""

import pytest

from experiments.comparison.misjudged import _words


@pytest.mark.parametrize(
    ("credited", "caused", "interval", "known", "said"),
    [
        (100, 50, (40, 62), 55, "over-credited 2.0×"),
        (50, 100, (80, 120), 100, "under-credited 2.0×"),
        (0, 100, (80, 120), 100, "under-credited"),
        (100, 100, (80, 120), 100, "fair"),
        (124, 100, (95, 105), 100, "fair"),
        (140, 100, (70, 130), 100, "cannot tell"),  # 1.4 times, but the interval reaches fair
        (72, 100, (70, 130), 100, "cannot tell"),
        (69, 1, (-1, 5), 1, "over-credited 14×+"),  # from one order, only a bound
        (5, 1, (-1, 5), 1, "cannot tell"),
        (10, -3, (-9, -1), 2, "over-credited"),
        (3, 40, (28, 55), 19, "cannot tell"),
    ],
)
def test_words(credited: float, caused: float, interval: tuple[float, float], known: int, said: str) -> None:
    assert _words(1_000.0, credited, caused, interval, nothing=False, known=known) == said


def test_money_that_caused_nothing_and_ads_that_cost_nothing_have_words_of_their_own() -> None:
    assert _words(10.0, 5.0, 0.0, (-3.8, 3.8), nothing=True, known=0) == "caused nothing"
    assert _words(0.0, 5.0, 3.0, (1.0, 5.0), nothing=False, known=3) == "free"
