"""A table on the terminal that folds what is too wide for the screen: no digit is ever left out."""

from typing import Any

import rich.table

__all__ = ["Table"]


class Table(rich.table.Table):
    """Rich's table, whose columns fold."""

    def add_column(self, *args: Any, **options: Any) -> None:
        """Add a column; see rich."""
        super().add_column(*args, **{"overflow": "fold"} | options)
