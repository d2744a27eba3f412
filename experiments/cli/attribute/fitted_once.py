"""A model that is fitted once to the paths of a job: for its credits, for lift tests and for --details."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attribution.model import AttributionModel, FittedModel
    from attribution.paths.paths import Paths


class FittedOnce:
    """The model in every respect, which remembers what it learnt of the first paths it saw, not of a bootstrap's draws."""

    def __init__(self, model: "AttributionModel") -> None:
        self._model = model
        self._seen: tuple[Paths, FittedModel] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def fit(self, paths: "Paths") -> "FittedModel":
        """The model fitted to these paths."""
        if self._seen is None:
            self._seen = (paths, self._model.fit(paths))
        return self._seen[1] if self._seen[0] is paths else self._model.fit(paths)
