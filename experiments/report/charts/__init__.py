"""Charts: the report's figures as Altair charts, pure functions of a comparison and a palette.

The data behind them come from `experiments.report.frames`. Charts are as wide as their container. Names stand
above their rows, not beside them, so that a phone shows the same picture.
"""
