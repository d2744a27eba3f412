"""Why CPA would move, in every world of an ensemble: each change's part as the range of what fits (currency per action)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cpalab.result import Result
from experiments.comparison.explain.dated_changes import Changes
from experiments.comparison.explain.explain import ORDERS, Explanation, Shift, explain
from experiments.comparison.explain.replays import INCREMENTAL
from experiments.comparison.explain.sentences import CENT
from experiments.comparison.verdict import system_in_words
from experiments.own_market.answers.over_worlds import Over, over_worlds, part_of
from experiments.truth.effects import ALL
from simulator.playing import EngineName

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EnsembleExplanation", "ensemble_explain"]


@dataclass(frozen=True)
class EnsembleExplanation(Result):
    """Why CPA moves, whichever of the worlds is the true one.

    Attributes:
        explanations: one per world, of the same changes.
    """

    explanations: tuple[Explanation, ...]

    def shifts(self, channel: str = ALL, system: str = "platform") -> tuple[Shift, ...]:
        """The shift of one channel in one system, in each world that has it."""
        shifts = (shift for found in self.explanations for shift in found.shifts)
        return tuple(shift for shift in shifts if (shift.channel, shift.system) == (channel, system))

    def keys(self) -> tuple[tuple[str, str], ...]:
        """Channels and systems of any world, in order."""
        return tuple(dict.fromkeys((s.channel, s.system) for found in self.explanations for s in found.shifts))

    def parts(self, channel: str, system: str) -> dict[str, Over]:
        """Cause → its part over the worlds."""
        shifts = self.shifts(channel, system)
        return {c.name: over_worlds(s.parts[i] for s in shifts) for i, c in enumerate(self.explanations[0].causes)}

    def to_frame(self) -> "pd.DataFrame":
        """One row per channel, system and cause: CPA before and after and the cause's part, each lowest, median, highest.

        `worlds` counts those in which the part has a price.
        """
        import pandas as pd

        rows, kinds = [], {cause.name: cause.kind for cause in self.explanations[0].causes}
        for channel, system in self.keys():
            shifts = self.shifts(channel, system)
            before, after = over_worlds(s.before for s in shifts), over_worlds(s.after for s in shifts)
            for name, part in self.parts(channel, system).items():
                row: dict[str, object] = {"channel": channel, "system": system}
                row |= before.named("cpa_before") | after.named("cpa_after")
                rows.append(row | {"cause": name, "kind": kinds[name]} | part.named("part") | {"worlds": part.worlds})
        return pd.DataFrame(rows)

    def by_world(self) -> "pd.DataFrame":
        """The rows of each world's own explanation, after the world's number, from 1 on."""
        import pandas as pd

        frames = [found.to_frame() for found in self.explanations]
        return pd.concat([f.assign(world=i) for i, f in enumerate(frames, start=1)], ignore_index=True)

    def summary(self) -> str:
        """Per system: how far CPA of all paid channels moves, and each cause's part, as ranges over the worlds."""
        first, last = self.explanations[0].days
        lines = [f"Days {first} to {last} in {len(self.explanations)} worlds that all show the same table."]
        for channel, system in self.keys():
            if channel == ALL:
                lines.append(self._sentence(system))
        return "\n".join(lines)

    def _sentence(self, system: str) -> str:
        shifts = self.shifts(ALL, system)
        what = "True incremental CPA" if system == INCREMENTAL else f"Reported CPA ({system_in_words(system)})"
        moved = over_worlds(shift.moved for shift in shifts)
        if not moved.worlds:
            return f"{what} has no price before or after in any world."
        told = [
            (part, name) for name, part in self.parts(ALL, system).items() if max(-part.lowest, part.highest) >= CENT
        ]
        told.sort(key=lambda entry: -abs(entry[0].median))
        listed = ", ".join(f"{part.in_words('+,.2f')} {name}" for part, name in told)
        sure = (
            ""
            if moved.worlds == len(self.explanations)
            else f" (in {moved.worlds} worlds; it has no price in the others)"
        )
        if not told:
            return f"{what} stays as it is{sure}."
        if moved.lowest >= 0:
            way = f"rises by {abs(moved.lowest):,.2f} to {moved.highest:,.2f}"
        elif moved.highest <= 0:
            way = f"falls by {-moved.highest:,.2f} to {-moved.lowest:,.2f}"
        else:
            way = f"may rise or fall (by {moved.in_words('+,.2f')})"
        return f"{what} {way}{sure}: {listed}."


def ensemble_explain(
    changes: Sequence[Changes],
    *,
    between: tuple[int, int] | None = None,
    against: tuple[int, int] | None = None,
    orders: int = ORDERS,
    truth: bool = True,
    threads: int = 1,
    engine: EngineName = "cohort",
    progress: Callable[[float], None] = lambda share: None,
) -> EnsembleExplanation:
    """Explain the same changes in every world.

    Args:
        changes: of each world, the same ones.
        between, against, orders, truth, threads, engine: as `explain` takes them.
        progress: called with the share that is done.

    Raises:
        Refused: what `explain` refuses.
    """
    found = []
    for number, made in enumerate(changes):
        told = part_of(progress, number / len(changes), 1 / len(changes))
        found.append(
            explain(
                made, between=between, against=against, orders=orders, truth=truth, threads=threads, engine=engine,
                progress=lambda stage, share, told=told: told(share),  # type: ignore[misc]  # bound now
            )
        )  # fmt: skip
        told(1.0)
    return EnsembleExplanation(tuple(found))
