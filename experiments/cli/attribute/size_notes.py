"""What to say, before they start, of models that will take long or much memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribution.model import AttributionModel
    from attribution.paths.paths import Paths

LONG_SECONDS, MUCH_BYTES = 20, 1e9


def size_notes(models: "Sequence[AttributionModel]", paths: "Paths", fits: int = 1) -> list[str]:
    """A sentence for each model whose fits, each of a bootstrap's draws one, take over 20 seconds or a gigabyte."""
    from attribution.models.markov.expected_work import expected_work_of

    notes = []
    for model in models:
        work = expected_work_of(model, paths)
        if work is None or (work.seconds * fits < LONG_SECONDS and work.memory_bytes < MUCH_BYTES):
            continue
        order = getattr(model, "order", 1)
        simpler = "fewer channels (--map)" if order == 1 else "order 1, or fewer channels (--map),"
        if fits > 1:
            simpler = f"fewer draws (--intervals), {simpler}"
        notes.append(
            f"{model.name}: {len(paths.channels):,} channels at order {order} are {work.states:,} states and "
            f"{work.transitions:,} transitions, solved {work.solves * fits:,} times: about {_time(work.seconds * fits)} "
            f"of one core and {max(work.memory_bytes / 1e6, 1):z,.0f} MB; {simpler} take less"
        )
    return notes


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:z.0f} seconds"
    return f"{seconds / 60:z,.0f} minutes" if seconds < 5400 else f"{seconds / 3600:z,.1f} hours"
