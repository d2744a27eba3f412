"""Progress of a long function where it was called: a bar in a notebook, words on standard error elsewhere (shares of 1)."""

import sys
import time
from html import escape
from typing import Any

__all__ = ["ShownProgress"]

SECONDS_BETWEEN = 0.5
SECONDS_BETWEEN_WORDS = 5.0


class ShownProgress:
    """What functions that take `progress` tell, shown: `progress=ShownProgress()`.

    In Jupyter one bar that moves, which needs no widget and no network; elsewhere a line on standard error now and then.

    Attributes:
        stage: the part that is being worked on; empty where a function has but one.
        share: of it that is done, 0 to 1.

    Example:
        >>> from cpalab import ShownProgress, load_scenario, simulate
        >>> progress = ShownProgress()
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}), progress=progress)
        >>> progress.share
        1.0
    """

    stage: str
    share: float

    def __init__(self) -> None:
        self.stage, self.share = "", 0.0
        self._bar: Any = None
        self._shown = -SECONDS_BETWEEN_WORDS

    def __call__(self, *told: Any) -> None:
        """Show (share), or (stage, share)."""
        stage, self.share = (str(told[0]) if len(told) > 1 else ""), float(told[-1])
        begun, self.stage = stage != self.stage, stage
        waited = time.monotonic() - self._shown
        if not (begun or self.share >= 1 or waited >= (SECONDS_BETWEEN if _in_notebook() else SECONDS_BETWEEN_WORDS)):
            return
        self._shown = time.monotonic()
        if _in_notebook():
            self._show_bar()
        else:
            print(f"{f'{self.stage} ' if self.stage else ''}… {self.share:.0%}", file=sys.stderr)  # noqa: T201 - what it is for

    def _show_bar(self) -> None:
        from IPython.display import HTML, display

        words = f"{escape(self.stage)} {self.share:.0%}".strip()
        bar = HTML(f'<progress value="{self.share:.3f}" max="1" aria-label="progress"></progress> {words}')  # type: ignore[no-untyped-call]  # IPython is untyped
        if self._bar is None:
            self._bar = display(bar, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._bar.update(bar)


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this; what has not been imported does not."""
    return "ipykernel" in sys.modules
