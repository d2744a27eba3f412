"""Realism: the table of simulated beside published values in docs/realism.md is the current one.

`make study` prints it and writes the page anew.
"""

import math
from pathlib import Path

import pytest

from experiments.studies.realism import PUBLISHED, compare_with_published

pytestmark = pytest.mark.xdist_group("dtc-apparel")

PAGE = Path(__file__).parents[2] / "docs" / "realism.md"
USERS = 300_000
INTRODUCTION = """# How near the default scenario lies to published values

`dtc-apparel`, {users:,} people, 30 days, seed 1; orders are credited by last click on perfect tracking. Written by
`make study`, checked by `make test`.

What a published value is worth differs. *study*: a paper's result. *example*: a worked example. *vendor*: a vendor's or
practitioner's page, good for the order of magnitude. *assumption*: commonly said, no public source found. No published
value speaks of this shop, so none has to be met; where a range is missed, the reason stands below the table.

{summary}

{table}
"""


@pytest.fixture(scope="module")
def realism(comparison_of, world_of):
    return compare_with_published(comparison_of("dtc-apparel", USERS), world_of("dtc-apparel", USERS))


def page(realism):
    return INTRODUCTION.format(users=USERS, summary=realism.summary(), table=realism.to_markdown())


@pytest.mark.study
def test_write_the_page(realism):
    print(f"\n{realism.to_frame().drop(columns='source').to_string()}\n{realism.summary()}")  # noqa: T201 - a study prints its table
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(realism), encoding="utf-8")


def test_the_committed_page_has_the_current_table(realism):
    committed = PAGE.read_text(encoding="utf-8").splitlines()
    missing = [line for line in page(realism).splitlines() if line not in committed]
    assert not missing, "docs/realism.md is out of date: run `make study`"


def test_every_published_value_has_a_simulated_one(realism):
    frame = realism.to_frame()
    assert len(frame) == len(PUBLISHED)
    assert frame["simulated"].map(math.isfinite).all()
    assert (frame["published_lower"] <= frame["published_upper"]).all()


def test_a_missed_range_says_why(realism):
    unexplained = [
        f"{row.channel} {row.measure}: {value:.3f}"
        for row, value in realism.rows
        if row.lower < row.upper and not row.lower <= value <= row.upper and not row.why_missed
    ]
    assert not unexplained


def test_simulated_values_obey_the_identities_of_cost(realism):
    value = {(row.channel, row.measure): simulated for row, simulated in realism.rows if row.channel}
    for channel in ("social_prospecting",):  # the one with all of CPM, CTR, CPC, CVR and CPA
        cpc = value[channel, "CPC"]
        assert cpc == pytest.approx(value[channel, "CPM"] / (1000 * value[channel, "CTR"]))
        assert value[channel, "CPA"] == pytest.approx(cpc / value[channel, "CVR"])


# Published on a page or in a paper rather than commonly said; a rule of thumb may be missed, these must be near:
# within a factor of 1.5 of the range (prices and rates) or within 6 points (shares of orders over time).
@pytest.mark.parametrize(
    "row",
    [row for row in PUBLISHED if row.evidence != "assumption"],
    ids=lambda row: f"{row.channel} {row.measure} {row.note}".strip(),
)
def test_values_with_a_source_are_near(realism, row):
    simulated = next(value for published, value in realism.rows if published == row)
    if row.measure == "lag":
        assert abs(simulated - row.lower) < 0.06
    else:
        assert row.lower / 1.5 <= simulated <= row.upper * 1.5
