"""`check_attribution_model`: the public conformance suite, which every built-in model passes and yours can.

In a test suite, one test per rule:

    from attribution.testing import conformance_checks

    @pytest.mark.parametrize("check", conformance_checks(), ids=lambda check: check.__name__)
    def test_my_model_conforms(check):
        check(MyModel())
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from attribution.bootstrap import bootstrap_credits
from attribution.credit import Credit
from attribution.model import AttributionModel, FittedModel, TouchModel
from attribution.paths.build import build_paths
from attribution.paths.paths import Paths
from attribution.paths.ragged import Ints, gather
from cpalab.micros import MICROS

Check = Callable[[AttributionModel], None]

RELATIVE_TOLERANCE = (
    1e-9  # rounding of sums taken in another order; a rule of the suite is an identity, not an estimate
)
CHANNELS = (
    "affiliate 2",
    "direct",
    "email",
    "search > brand",
    "social",
)  # names may hold digits and separators
PEOPLE = 400


def check_attribution_model(model: AttributionModel) -> None:
    """Check a model against every rule of the contract.

    Raises:
        AssertionError: naming every rule the model breaks, and how.
    """
    broken = []
    for check in conformance_checks():
        try:
            check(model)
        except Exception as error:  # a model that crashes breaks the rule like one that miscounts
            broken.append(f"{check.__name__}: {(check.__doc__ or '').splitlines()[0]}\n    {error}")
    if broken:
        raise AssertionError(f"{model!r} breaks {len(broken)} rules:\n" + "\n".join(broken))


def conformance_checks() -> tuple[Check, ...]:
    """Every check of the suite: each takes a model and raises where the model breaks its rule."""
    return (
        fits_and_credits,
        credits_sum_to_conversions_and_value,
        credits_sum_on_paths_it_was_not_fitted_on,
        touch_shares_agree_with_credit,
        grouping_rows_changes_nothing,
        row_order_changes_nothing,
        relabelling_changes_nothing,
        unseen_channel_gets_nothing,
        single_touch_paths_equal_last_click,
        value_of_one_equals_counts,
        weights_equal_repeated_rows,
        shards_merge_to_the_whole,
        no_conversion_no_credit,
        no_touch_no_credit,
        fitting_changes_no_input,
        same_input_same_credit,
        bootstrap_draws_are_credited,
    )


def fits_and_credits(model: AttributionModel) -> None:
    """A model has a name, `fit` returns what has `credit`, and `credit` a Credit that bears the name."""
    _require(isinstance(model, AttributionModel), "it lacks `name` or `fit`")
    fitted = model.fit(_paths())
    _require(isinstance(fitted, FittedModel), f"fit returned {type(fitted).__name__}, which has no `credit`")
    credit = fitted.credit(_paths())
    _require(isinstance(credit, Credit), f"credit returned {type(credit).__name__}")
    _require(
        credit.method == model.name != "",
        f"the credit's method {credit.method!r} is not the name {model.name!r}",
    )
    _require(credit.channels == _paths().channels, "the credit's channels are not those of the paths")


def credits_sum_to_conversions_and_value(model: AttributionModel) -> None:
    """Credited + baseline + unattributed - duplicates is every conversion, and likewise for value."""
    _sums(_credit(model, _paths()), _paths())


def credits_sum_on_paths_it_was_not_fitted_on(model: AttributionModel) -> None:
    """A model fitted on some people hands out exactly the conversions of others."""
    some, others = _paths(people=range(PEOPLE // 2)), _paths(people=range(PEOPLE // 2, PEOPLE))
    _sums(model.fit(some).credit(others), others)


def touch_shares_agree_with_credit(model: AttributionModel) -> None:
    """A model that says what each touch gets gives shares that add up to its credit."""
    paths = _paths()
    fitted = model.fit(paths)
    if isinstance(fitted, TouchModel):
        shares = fitted.touch_shares(paths)
        credit = fitted.credit(paths)
        _same(Credit.from_touch_shares(model.name, paths, shares), credit, "touch shares and credit")
        if not credit.baseline_conversions:
            _close(
                np.bincount(paths.path_of_touch, weights=shares),
                np.ones(len(paths)),
                "the sum of a path's shares",
            )


def grouping_rows_changes_nothing(model: AttributionModel) -> None:
    """One row per journey gives the same credit as one row per distinct path."""
    _same(_credit(model, _one_row_per_journey(_paths())), _credit(model, _paths()), "ungrouped and grouped")


def row_order_changes_nothing(model: AttributionModel) -> None:
    """The order of paths, and of rows of data, does not matter."""
    paths = _paths()
    _same(_credit(model, _reversed(paths)), _credit(model, paths), "paths reversed and not")
    _same(_credit(model, _paths(backwards=True)), _credit(model, paths), "data reversed and not")


def relabelling_changes_nothing(model: AttributionModel) -> None:
    """Other names give the same credits under those names; "direct" keeps its name, which means something."""
    names = {name: name if name == "direct" else f"{9 - i} {name}" for i, name in enumerate(CHANNELS)}
    renamed, credit = _credit(model, _paths(names=names)), _credit(model, _paths())
    place = [renamed.channels.index(names[name]) for name in credit.channels]
    _close(renamed.conversions[place], credit.conversions, "conversions under other names")
    _close(renamed.value_micros[place], credit.value_micros, "value under other names")


def unseen_channel_gets_nothing(model: AttributionModel) -> None:
    """A channel without touches gets exactly 0, and takes nothing from the others."""
    paths = _paths()
    wider = _with_channels(paths, (*paths.channels, "unseen"))
    credit = _credit(model, wider)
    _require(credit.conversions[-1] == 0 == credit.value_micros[-1], f"unseen got {credit.conversions[-1]}")
    _close(credit.conversions[:-1], _credit(model, paths).conversions, "the others' conversions")


def single_touch_paths_equal_last_click(model: AttributionModel) -> None:
    """Where every path has one touch, that touch gets all, but for baseline and touches that do not count."""
    paths = _paths(single_touch=True)
    credit = _credit(model, paths)
    if not credit.baseline_conversions and credit.unattributed_conversions == paths.unattributed_conversions:
        expected = np.bincount(paths.codes, weights=paths.conversions, minlength=len(paths.channels))
        _close(credit.conversions, expected, "credit and last click")


def value_of_one_equals_counts(model: AttributionModel) -> None:
    """Where every conversion is worth one, value is credited as conversions are."""
    credit = _credit(model, _paths(value_micros=MICROS))
    _close(credit.value_micros / MICROS, credit.conversions, "value and conversions")


def weights_equal_repeated_rows(model: AttributionModel) -> None:
    """Counting everybody twice is everybody coming twice, and twice the people get twice the credit.

    A model fitted on twice the people may differ from one fitted on each once: more data bears a richer model
    (the order of a Markov chain chosen from the data, for one).
    """
    paths = _paths()
    twice, repeated = _credit(model, _doubled(paths)), _credit(model, Paths.merge(paths, paths))
    _same(twice, repeated, "double weights and repeated rows")
    fitted = model.fit(paths)
    once, double = fitted.credit(paths), fitted.credit(_doubled(paths))
    _close(double.conversions, 2 * once.conversions, "double weights and double conversions")
    _close(double.value_micros, 2 * once.value_micros, "double weights and double value")


def shards_merge_to_the_whole(model: AttributionModel) -> None:
    """Paths built in shards of people and merged give the credit of paths built at once."""
    shards = [_paths(people=range(start, PEOPLE, 3)) for start in range(3)]
    _same(_credit(model, Paths.merge(*shards)), _credit(model, _paths()), "merged and whole")


def no_conversion_no_credit(model: AttributionModel) -> None:
    """Where nobody converts, every credit is 0."""
    credit = _credit(model, _paths(conversions=False))
    _require(not credit.conversions.any() and not credit.value_micros.any(), f"credits are {credit.conversions}")


def no_touch_no_credit(model: AttributionModel) -> None:
    """Where there are no touches, every conversion stays unattributed."""
    paths = _paths(touches=False)
    credit = _credit(model, paths)
    _sums(credit, paths)
    _require(len(credit.conversions) == len(paths.channels), "there is a credit without a channel")


def fitting_changes_no_input(model: AttributionModel) -> None:
    """Neither the paths nor the model are changed by fitting and crediting."""
    paths, before, told = _paths(), _paths(), repr(model)
    _credit(model, paths)
    for item in fields(paths):
        now, then = getattr(paths, item.name), getattr(before, item.name)
        if isinstance(now, np.ndarray):
            _require(bool(np.array_equal(now, then)), f"paths.{item.name} was changed")
    _require(repr(model) == told, f"the model was changed from {told} to {model!r}")


def same_input_same_credit(model: AttributionModel) -> None:
    """Fitting twice gives the same credit, bit for bit: randomness comes from a seed the model holds."""
    first, second = _credit(model, _paths()), _credit(model, _paths())
    same = np.array_equal(first.conversions, second.conversions)
    _require(same and np.array_equal(first.value_micros, second.value_micros), "two fits gave different credits")


def bootstrap_draws_are_credited(model: AttributionModel) -> None:
    """On every draw of a bootstrap over people the sums hold too, and the interval has numbers for bounds."""
    paths = _paths()
    for seed in range(2):
        drawn = paths.resampled(np.random.default_rng(seed))
        _sums(_credit(model, drawn), drawn)
    interval = bootstrap_credits([model], paths, seed=1, replicates=2)[0].interval
    bounds = () if interval is None else (interval.conversions_lower, interval.value_micros_upper)
    _require(len(bounds) > 0 and bool(np.isfinite(bounds).all()), f"the interval is {interval}")


def _paths(
    *,
    people: range = range(PEOPLE),
    names: Mapping[str, str] | None = None,
    value_micros: int | None = None,
    backwards: bool = False,
    single_touch: bool = False,
    conversions: bool = True,
    touches: bool = True,
) -> Paths:
    """The paths of a small made-up world, the same at every call but for what the arguments say."""
    rng = np.random.default_rng(2016)
    per_person = np.ones(PEOPLE, dtype=np.int64) if single_touch else rng.poisson(2.5, PEOPLE)
    user = np.repeat(np.arange(PEOPLE), per_person)
    channel = rng.choice(len(CHANNELS), size=len(user), p=[0.1, 0.2, 0.2, 0.2, 0.3])
    time = np.zeros(len(user)) if single_touch else 20 * rng.random(len(user))
    converts = rng.random(PEOPLE) < 0.3
    value = rng.integers(1, 100, PEOPLE) * MICROS if value_micros is None else np.full(PEOPLE, value_micros)
    seen = np.isin(user, people) & touches
    buys = converts & np.isin(np.arange(PEOPLE), people) & conversions
    named = np.array([(names or {}).get(name, name) for name in CHANNELS], dtype=object)
    step = -1 if backwards else 1
    return build_paths(
        {"user_id": user[seen][::step], "time": time[seen][::step], "channel": named[channel[seen]][::step]},
        {
            "user_id": np.flatnonzero(buys)[::step],
            "time": np.full(int(buys.sum()), 25.0),
            "value_micros": value[buys][::step],
        },
    )


def _one_row_per_journey(paths: Paths) -> Paths:
    journeys = paths.journeys
    if journeys is None or paths.journey_path is None:
        return paths
    filled = np.flatnonzero(paths.journey_path >= 0)
    row = np.full(len(journeys), -1, dtype=np.int64)
    row[filled] = np.arange(len(filled))
    bought = journeys.converted[filled]
    return replace(
        paths,
        codes=journeys.channel,
        offsets=np.append(journeys.offsets[filled], journeys.offsets[-1]),
        conversions=bought.astype(np.float64),
        value_micros=np.where(bought, journeys.value_micros[filled], 0),
        nulls=(~bought).astype(np.float64),
        journey_path=row,
    )


def _reversed(paths: Paths) -> Paths:
    order: Ints = np.arange(len(paths))[::-1]
    chosen, offsets = gather(paths.offsets, order)
    path = paths.journey_path
    return replace(
        paths,
        codes=paths.codes[chosen],
        offsets=offsets,
        conversions=paths.conversions[order],
        value_micros=paths.value_micros[order],
        nulls=paths.nulls[order],
        journey_path=None if path is None else np.where(path >= 0, len(paths) - 1 - path, -1),
    )


def _doubled(paths: Paths) -> Paths:
    journeys = paths.journeys
    return replace(
        paths,
        conversions=2 * paths.conversions,
        value_micros=2 * paths.value_micros,
        nulls=2 * paths.nulls,
        unattributed_conversions=2 * paths.unattributed_conversions,
        unattributed_value_micros=2 * paths.unattributed_value_micros,
        journeys=None if journeys is None else replace(journeys, weight=2 * journeys.weight),
    )


def _with_channels(paths: Paths, channels: tuple[str, ...]) -> Paths:
    journeys = paths.journeys
    return replace(
        paths, channels=channels, journeys=None if journeys is None else replace(journeys, channels=channels)
    )


def _credit(model: AttributionModel, paths: Paths) -> Credit:
    return model.fit(paths).credit(paths)


def _sums(credit: Credit, paths: Paths) -> None:
    conversions = credit.conversions.sum() + credit.baseline_conversions + credit.unattributed_conversions
    value = credit.value_micros.sum() + credit.baseline_value_micros + credit.unattributed_value_micros
    conversions -= credit.duplicate_conversions
    value -= credit.duplicate_value_micros
    _close(conversions, paths.total_conversions, "the sum of conversions")
    _close(value, paths.total_value_micros, "the sum of value")


def _same(one: Credit, other: Credit, what: str) -> None:
    _require(one.channels == other.channels, f"{what}: the channels differ")
    _close(one.conversions, other.conversions, f"conversions, {what}")
    _close(one.value_micros, other.value_micros, f"value, {what}")


def _close(found: Any, expected: Any, what: str) -> None:
    scale = float(np.max(np.abs(expected), initial=0.0))
    same = np.allclose(found, expected, rtol=RELATIVE_TOLERANCE, atol=RELATIVE_TOLERANCE * scale)
    _require(bool(same), f"{what}: {found} is not {expected}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
