"""Geo tests: the tables that say where and when a channel's ads differ between regions (days from the start, shares)."""

from typing import Annotated, Literal

from pydantic import Field

from simulator.scenario.fields import Name, Share, Table, Weight

GeoTestKind = Literal["go_dark", "heavy_up", "holdback", "on_off"]
GeoAssignmentMethod = Literal["listed", "random", "matched_pairs"]
WholeDays = Annotated[int, Field(ge=0, le=36_500)]


class GeoTest(Table):
    """An experiment that changes a channel's ads in some geos from `start_day` on, up to and without `end_day`.

    Attributes:
        channel: whose ads; needs campaigns.
        kind: `go_dark` switches them off in the treated geos; `heavy_up` buys more there; `holdback` is a launch:
            nobody sees them before, only the treated geos during the test, nobody in the cool-down, everybody after it;
            `on_off` switches them off and on again everywhere, in blocks of `block_days`.
        assignment: how the treated geos are found: `listed` names them in `treated`, `random` draws `treated_share` of
            all geos, `matched_pairs` treats one of every two geos of like size. Draws are addressed by the seed, the
            test's name and the geo. `on_off` has none.
        treated: names of the treated geos.
        treated_share: share of the geos to be drawn.
        start_day, end_day: first day, and the day after the last one.
        cooldown_days: days after the test whose orders still belong to it.
        spend_factor: of `heavy_up`: factor on budgets and on the share of auctions entered there; where all auctions are
            entered already it buys nothing.
        bid_factor: of `heavy_up`: factor on bids there.
        block_days: of `on_off`: length of a block; of every two neighbouring blocks one is off, by the toss of a coin.
        reallocates_budget: whether a daily budget goes on to the geos that are left. By default it falls and rises
            with the test, so that the other geos neither gain nor lose.
    """

    channel: Name
    kind: GeoTestKind
    assignment: GeoAssignmentMethod = "listed"
    treated: list[Name] = []
    treated_share: Share = 0.5
    start_day: WholeDays
    end_day: WholeDays
    cooldown_days: WholeDays = 0
    spend_factor: Weight | None = None
    bid_factor: Weight = 1.0
    block_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    reallocates_budget: bool = False


class GeoDemand(Table):
    """How need differs from geo to geo and day to day, beyond who lives there. All zero: not at all.

    Attributes:
        sigma: standard deviation of the logarithm of a geo's need.
        persistence: its correlation from one day to the next (a first-order autoregression).
        common_share: share of that variance which all geos have in common.
        trend_sigma: standard deviation between geos of how fast the logarithm of need grows, per 30 days.
    """

    sigma: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    persistence: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.7
    common_share: Share = 0.5
    trend_sigma: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
