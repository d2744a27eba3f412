"""Perfect tracking: a world's touches and orders as a system would see them that loses nothing, and their attribution."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.bootstrap import bootstrap_credits
from attribution.credit import Credit
from attribution.model import MODELS as ATTRIBUTION_MODELS
from attribution.model import AttributionModel
from attribution.paths.build import build_paths
from attribution.paths.paths import Paths
from attribution.paths.settings import PathSettings
from cpalab.arguments import checked
from cpalab.refusal import InvalidInputError
from simulator.event_log import gathered_events, is_kind
from simulator.world import World

MODELS = ("last_click", "linear", "markov")
JUDGE = "last_click"  # the model most reports are made with: verdicts are about it
LAST_CLICK_SETTINGS = PathSettings(direct="ignored_unless_alone")
REPLICATES = 200


def touches_and_orders(world: World) -> tuple[pa.Table, pa.Table]:
    """Every visit of a person with its source, and every order, as perfect tracking would see them; robots are no people.

    Orders are those of the reported window. Visits are those of people who came in it, from the warm-up too (lookback
    windows reach back), but for what an order of the warm-up has used up.
    """
    robots = world.users.filter(world.users["robot"])["user_id"].combine_chunks()
    visits = gathered_events(
        world,
        lambda piece: pc.and_(is_kind(piece, "visit"), pc.invert(pc.is_in(piece["user_id"], robots))),
        ["user_id", "time", "channel", "kind"],
    )
    orders = world.orders()
    user, time = visits["user_id"].to_numpy().astype(np.int64), visits["time"].to_numpy()
    earlier = gathered_events(world, lambda piece: pc.and_(is_kind(piece, "conversion"), pc.less(piece["time"], 0.0)))
    used_until, came = np.full(world.users.num_rows, -np.inf), np.zeros(world.users.num_rows, np.bool_)
    np.maximum.at(used_until, earlier["user_id"].to_numpy().astype(np.int64), earlier["time"].to_numpy())
    came[user[(time >= 0.0) & (time < world.clock.days)]] = True
    visits = visits.filter(pa.array(came[user] & (time > used_until[user]) & (time < world.clock.days)))
    return visits.select(["user_id", "time", "channel"]), orders.select(["user_id", "time", "order_id", "value_micros"])


@checked(InvalidInputError, but=("models",))
def attribute(
    world: World,
    models: Sequence[AttributionModel | type | str] = MODELS,
    settings: PathSettings = LAST_CLICK_SETTINGS,
) -> tuple[Paths, tuple[Credit, ...]]:
    """Paths of clicks and visits to orders, and each model's credits with 95 % intervals (bootstrap over people).

    Args:
        world: what happened.
        models: each as an object, a class, a name, or a name with parameters: `[MyModel(), "markov(order=2)"]`.
        settings: which touches count, and for how long.

    Raises:
        InvalidInputError: a model is unknown, cannot be loaded, is given twice, or does not take its parameters;
            or settings are no `PathSettings`.

    Example:
        >>> from cpalab import attribute, load_scenario, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> paths, credits = attribute(world, ["last_click", "markov(order=2)"])
        >>> [credit.method for credit in credits]
        ['last_click', 'markov_2']
    """
    fitted = ATTRIBUTION_MODELS.find_all(models)
    touches, orders = touches_and_orders(world)
    paths = build_paths(touches, orders, settings)
    return paths, bootstrap_credits(fitted, paths, seed=world.scenario.run.seed, replicates=REPLICATES)
