"""The designs by name: which lift tests can be run in a world. Each is loaded when it is asked for."""

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from experiments.lift.refusal import refuse
from simulator.scenario.problems import did_you_mean

if TYPE_CHECKING:
    from experiments.lift.designs.design import Design

__all__ = ["DESIGNS", "GEO_DESIGNS", "USER_DESIGNS", "find_designs"]

# Name → module and object of this package; the order is that of every table.
USER_DESIGNS = {
    "user_holdout": "user_holdout:USER_HOLDOUT",
    "user_holdout_adjusted": "user_holdout:USER_HOLDOUT_ADJUSTED",
    "ghost_ads": "exposed:GHOST_ADS",
    "predicted_ghost_ads": "exposed:PREDICTED_GHOST_ADS",
    "psa": "exposed:PSA",
    "login_holdout": "login_holdout:LOGIN_HOLDOUT",
    "cookie_holdout": "cookie_holdout:COOKIE_HOLDOUT",
    "exposed_vs_unexposed": "exposed_vs_unexposed:EXPOSED_VS_UNEXPOSED",
}
GEO_DESIGNS = {
    "go_dark_did": "geo:GO_DARK_DID",
    "go_dark_tbr": "geo:GO_DARK_TBR",
    "go_dark_synthetic_control": "geo:GO_DARK_SYNTHETIC_CONTROL",
    "go_dark_trimmed_match": "geo:GO_DARK_TRIMMED_MATCH",
    "heavy_up_did": "geo:HEAVY_UP_DID",
    "heavy_up_tbr": "geo:HEAVY_UP_TBR",
    "holdback_did": "geo:HOLDBACK_DID",
    "holdback_tbr": "geo:HOLDBACK_TBR",
    "on_off": "on_off:ON_OFF",
}
DESIGNS = {**USER_DESIGNS, **GEO_DESIGNS}


def find_designs(names: Iterable[str]) -> tuple["Design", ...]:
    """The designs of these names, in the order given.

    Raises:
        LiftInputError: there is none of such a name; all of them at once.
    """
    asked = tuple(dict.fromkeys(names))
    refuse([f"design: {name!r} is no design; {did_you_mean(name, DESIGNS)}" for name in asked if name not in DESIGNS])
    return tuple(_load(DESIGNS[name]) for name in asked)


def _load(place: str) -> "Design":
    module, name = place.split(":")
    design: Design = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return design
