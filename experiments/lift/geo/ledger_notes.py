"""What the cost column and silent geos say about a geo test: arms, dates and controls that look wrong, one sentence each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.lift.geo.panel import GeoExperiment

__all__ = ["cost_notes", "silent_notes"]

Series = NDArray[np.float64]
# A change of cost smaller than this share of its level is no change, and so many spreads are no chance.
LEAST_CHANGE, LEAST_SPREADS = 0.10, 4.0
# Responses that silent rows should have had at least, and the chance up to which empty rows in a row are no accident.
LEAST_EXPECTED, CHANCE = 10.0, 1e-4
# Where the controls' cost changes by so much and the treated geos' does not, arms are more likely swapped than markets moved.
SWAPPED_CHANGE = 0.25


def cost_notes(experiment: GeoExperiment, force_control: Sequence[str] = ()) -> list[str]:
    """Controls whose cost moved with the test, treated geos whose cost did not, swapped arms, an earlier test.

    Args:
        experiment: the design.
        force_control: control geos that are known to be sound, whatever their cost did.
    """
    cost = experiment.panel.cost
    if cost is None or not cost[:, : experiment.test.stop].any():
        return []
    names = np.array(experiment.panel.geos)
    moved = _moved(experiment, cost)
    controls = ~experiment.is_treated
    strange = names[moved & controls & ~np.isin(names, list(force_control))]
    treated_moved = bool(moved[experiment.is_treated].any())
    notes = []
    past, now = (
        np.array([cost[arm][:, days].sum() / (days.stop - days.start) for arm in (experiment.is_treated, controls)])
        for days in (experiment.pre, experiment.test)
    )
    changed = np.abs(now - past) / np.maximum(np.maximum(now, past), 1e-300)
    if changed[0] < LEAST_CHANGE and changed[1] > SWAPPED_CHANGE and not strange.size:
        notes.append(
            f"The cost of the control geos changed from {past[1]:z,.0f} to {now[1]:z,.0f} a row when the test began, that of "
            "the treated geos did not: the arms look swapped."
        )
    elif strange.size and not treated_moved:
        notes.append(
            f"The cost of the treated geos did not change when the test began, that of {_some(strange)} did: the arms look "
            "swapped, or other geos were treated."
        )
    elif strange.size:
        notes.append(
            f"The cost of {_some(strange)} in the control changed when the test began: if their ads changed they are no "
            f"control; leave them out with --exclude {','.join(strange)}, or keep them with --force-control."
        )
    elif not treated_moved:
        notes.append(
            "The cost of the treated geos did not change when the test began: check the dates and the geos that were treated."
        )
    return [*notes, *_earlier_notes(experiment, cost)]


def silent_notes(experiment: GeoExperiment) -> list[str]:
    """Geos that fall silent: rows without any response, one after the other, where chance would not leave them empty."""
    response = experiment.panel.response[:, experiment.everything]
    dates = experiment.panel.dates
    notes = []
    empty = response == 0
    runs = np.flatnonzero((empty[:, 1:] & empty[:, :-1]).any(axis=1))
    for geo, series in zip(np.array(experiment.panel.geos)[runs], response[runs], strict=True):
        first, last = _longest(series == 0)
        length, elsewhere = last - first + 1, np.delete(series, np.arange(first, last + 1))
        # What the geo sells per row, and how often it sells nothing, when it is not silent.
        if elsewhere.size < length or float(elsewhere.mean()) * length < LEAST_EXPECTED:
            continue
        if float(np.mean(elsewhere == 0)) ** length > CHANCE:
            continue
        notes.append(
            f"{geo} has no response from {dates[first]} to {dates[last]}: closed, or not recorded? Leave it out with "
            f"--exclude {geo}, or those dates with --skip {dates[first]}..{dates[last]}."
        )
    if len(notes) > 3:
        return [*notes[:3], f"{len(notes) - 3} more geos fall silent for a while."]
    return notes


def _moved(experiment: GeoExperiment, cost: Series) -> NDArray[np.bool_]:
    """Whether the cost per row of each geo left its past when the test began, beyond what most controls did; shape `(G,)`."""
    n, treated = experiment.pre_days, experiment.is_treated
    before, during = cost[:, :n], cost[:, experiment.test]
    past, now = before.mean(axis=1), during.mean(axis=1)
    known = ~treated & (past > 0)
    # What all geos' cost did: a season of bids, a price rise.
    common = float(np.median(now[known] / past[known])) if known.any() else 1.0
    expected = common * past
    # Rows of one month may be alike: the spread of blocks as long as the test would be better, and there are too few.
    rows = min(experiment.test_days, n)
    spread = before.std(axis=1) / np.sqrt(max(1, rows)) * 2
    level = np.maximum(np.maximum(expected, now), 1e-9 * float(cost.max()))
    far = np.abs(now - expected) > np.maximum(LEAST_CHANGE * level, LEAST_SPREADS * spread)
    return np.asarray(far & (np.abs(now - expected) > 1e-9 * float(cost.max())))


def _earlier_notes(experiment: GeoExperiment, cost: Series) -> list[str]:
    """A stretch before the test in which the treated geos' cost was as unusual as in the test, or nearly so."""
    n = experiment.pre_days
    treated = cost[experiment.is_treated][:, : experiment.test.stop].sum(axis=0)
    control = cost[~experiment.is_treated][:, : experiment.test.stop].sum(axis=0)
    level, beside = float(np.median(treated[:n])), float(np.median(control[:n]))
    expected = level * (control / beside if beside > 0 and (control > 0).all() else np.ones(control.size))
    beyond = treated - expected
    noise = 1.4826 * float(np.median(np.abs(beyond[:n])))
    change = abs(float(beyond[n:].mean()))
    least = max(5 * noise, 0.25 * change, LEAST_CHANGE * level, 1e-9 * float(np.abs(treated).max()))
    unusual = np.abs(beyond[:n]) > least
    if not least > 0 or unusual.sum() < 2 or unusual.mean() > 0.5:
        return []
    first, last = _longest(unusual)
    if last - first < 1:
        return []
    dates = experiment.panel.dates
    if last == n - 1:
        return [
            f"The cost of the treated geos changed on {dates[first]}, before the start of the test: begin the test there, or "
            f"leave the days between out with --skip {dates[first]}..{dates[last]}."
        ]
    return [
        f"The cost of the treated geos was unusual from {dates[first]} to {dates[last]}, before the test: an earlier test is "
        f"no past to compare with; leave it out with --skip {dates[first]}..{dates[last]}."
    ]


def _longest(chosen: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last place of the longest run of true; (0, -1) where there is none."""
    edges = np.diff(np.concatenate([[0], chosen.astype(int), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    if not starts.size:
        return 0, -1
    best = int(np.argmax(ends - starts))
    return int(starts[best]), int(ends[best])


def _some(names: NDArray[np.str_]) -> str:
    shown = ", ".join(names[:5]) + (" …" if names.size > 5 else "")
    return f"{names.size} {'geo' if names.size == 1 else 'geos'} ({shown})"
