"""The designs by name: which lift tests can be run in a world. Each is loaded when it is asked for."""

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cpalab.refusal import did_you_mean, refuse

if TYPE_CHECKING:
    from experiments.designs.design import Design

__all__ = ["DESIGNS", "GEO_DESIGNS", "USER_DESIGNS", "find_designs"]

# Name → module and object of this package; the order is that of every table.
USER_DESIGNS = {
    "user_holdout": "users.user_holdout:USER_HOLDOUT",
    "user_holdout_adjusted": "users.user_holdout:USER_HOLDOUT_ADJUSTED",
    "ghost_ads": "users.exposed_test:GHOST_ADS",
    "predicted_ghost_ads": "users.exposed_test:PREDICTED_GHOST_ADS",
    "psa": "users.exposed_test:PSA",
    "login_holdout": "users.login_holdout:LOGIN_HOLDOUT",
    "cookie_holdout": "users.cookie_holdout:COOKIE_HOLDOUT",
    "exposed_vs_unexposed": "users.exposed_vs_unexposed:EXPOSED_VS_UNEXPOSED",
}
GEO_DESIGNS = {
    "go_dark_did": "regions.geo_design:GO_DARK_DID",
    "go_dark_tbr": "regions.geo_design:GO_DARK_TBR",
    "go_dark_synthetic_control": "regions.geo_design:GO_DARK_SYNTHETIC_CONTROL",
    "go_dark_trimmed_match": "regions.geo_design:GO_DARK_TRIMMED_MATCH",
    "heavy_up_did": "regions.geo_design:HEAVY_UP_DID",
    "heavy_up_tbr": "regions.geo_design:HEAVY_UP_TBR",
    "holdback_did": "regions.geo_design:HOLDBACK_DID",
    "holdback_tbr": "regions.geo_design:HOLDBACK_TBR",
    "on_off": "regions.on_off:ON_OFF",
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
