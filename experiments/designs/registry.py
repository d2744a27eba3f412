"""Designs, and how they are found: by name, entry point, `module:Class` or `FILE.py:Class`. Each is loaded when asked for."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cpalab.plugins import Registry
from cpalab.refusal import LiftInputError

if TYPE_CHECKING:  # loading a design loads the simulator, which `--help` has no need of
    from experiments.designs.design import Design

__all__ = ["ALL_DESIGNS", "DESIGNS", "GEO_DESIGNS", "USER_DESIGNS", "find_designs"]

_ROOM = "experiments.designs"
# Name → module and object; the order is that of every table.
USER_DESIGNS: Mapping[str, str] = {
    "user_holdout": f"{_ROOM}.users.user_holdout:USER_HOLDOUT",
    "user_holdout_adjusted": f"{_ROOM}.users.user_holdout:USER_HOLDOUT_ADJUSTED",
    "ghost_ads": f"{_ROOM}.users.exposed_test:GHOST_ADS",
    "predicted_ghost_ads": f"{_ROOM}.users.exposed_test:PREDICTED_GHOST_ADS",
    "psa": f"{_ROOM}.users.exposed_test:PSA",
    "login_holdout": f"{_ROOM}.users.login_holdout:LOGIN_HOLDOUT",
    "cookie_holdout": f"{_ROOM}.users.cookie_holdout:COOKIE_HOLDOUT",
    "exposed_vs_unexposed": f"{_ROOM}.users.exposed_vs_unexposed:EXPOSED_VS_UNEXPOSED",
}
GEO_DESIGNS: Mapping[str, str] = {
    "go_dark_did": f"{_ROOM}.regions.geo_design:GO_DARK_DID",
    "go_dark_tbr": f"{_ROOM}.regions.geo_design:GO_DARK_TBR",
    "go_dark_synthetic_control": f"{_ROOM}.regions.geo_design:GO_DARK_SYNTHETIC_CONTROL",
    "go_dark_trimmed_match": f"{_ROOM}.regions.geo_design:GO_DARK_TRIMMED_MATCH",
    "heavy_up_did": f"{_ROOM}.regions.geo_design:HEAVY_UP_DID",
    "heavy_up_tbr": f"{_ROOM}.regions.geo_design:HEAVY_UP_TBR",
    "holdback_did": f"{_ROOM}.regions.geo_design:HOLDBACK_DID",
    "holdback_tbr": f"{_ROOM}.regions.geo_design:HOLDBACK_TBR",
    "on_off": f"{_ROOM}.regions.on_off:ON_OFF",
}
DESIGNS: Mapping[str, str] = {**USER_DESIGNS, **GEO_DESIGNS}
ALL_DESIGNS: "Registry[Design]" = Registry(
    kind="design",
    place="design",
    group="cpalab.designs",
    built_in=DESIGNS,
    needs=("arrange(scenario, channel)", "read(world, channel)", "truth(world, channels, threads)"),
    refusal=LiftInputError,
)


def find_designs(given: "Iterable[Design | type | str]") -> "tuple[Design, ...]":
    """The designs that are meant, in the order given: objects, classes, names, or names with parameters.

        find_designs(["ghost_ads", "user_holdout(adjusted=True)", "mine:MyDesign", MyDesign()])

    Raises:
        LiftInputError: there is none of such a name, it is no design, or one is given twice; all problems at once.
    """
    return ALL_DESIGNS.find_all(given)
