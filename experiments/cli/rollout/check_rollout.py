"""`cpalab check-rollout`: hold the figures seen after a rollout to its contract, in under a second."""

from datetime import datetime
from pathlib import Path

import click

from cpalab.visible_text import visible


@click.command("check-rollout")
@click.argument("contract", metavar="CONTRACT")
@click.argument("observed", metavar="OBSERVED")
@click.option(
    "--live", type=click.DateTime(["%Y-%m-%d"]), help="First day with the change, for a table with a row per day."
)
@click.option(
    "--daily", is_flag=True, help="The table is read again every day: bands that hold at every reading at once."
)
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write the verdicts as JUnit XML.")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write ten lines, the worst first.")
@click.option("--dbt", type=click.Path(path_type=Path), metavar="FILE", help="Write a dbt test in SQL.")
@click.option("--model", default="rollout_figures", show_default=True, help="The dbt model that the SQL reads.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--full", is_flag=True, help="Show every row, not only those outside.")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict line alone.")
def command(
    contract: str, observed: str, live: datetime | None, daily: bool, junit: Path | None, markdown: Path | None,
    dbt: Path | None, model: str, as_json: bool, full: bool, quiet: bool,
) -> None:  # fmt: skip
    """Is what we see after a rollout what its contract expects?

    CONTRACT is a file from cpalab rollout --contract. OBSERVED is a CSV file with channel, system and either cost_before,
    conversions_before, cost_after, conversions_after, or cpa_before, cpa_after, or, with --live, a row per day: date, cost,
    conversions. Cost and conversions set the noise by their own counts.

    Exit status: 0 as expected, 1 a figure outside of its band, 2 nothing can be told (too few actions), 3 bad input.
    """
    from cpalab.whole_output import whole_file
    from experiments.cli.rollout.verdict_files import as_dbt, as_junit, as_markdown
    from experiments.rollout.check_rollout import check_rollout
    from experiments.rollout.contract import read_contract
    from experiments.rollout.seen_periods import read_seen

    bands = read_contract(contract)
    found = check_rollout(bands, read_seen(observed, live=None if live is None else live.date()), daily=daily)
    texts = {junit: as_junit(found), markdown: as_markdown(found), dbt: as_dbt(bands, model)}
    for path, text in texts.items():
        if path is not None:
            with whole_file(path) as file:
                file.write_text(text, encoding="utf-8")
    if as_json:
        import json

        rows = [{name: _plain(value) for name, value in vars(row).items()} for row in found.rows]
        table = {"status": found.status, "verdict": found.verdict(), "level": found.level, "daily": daily, "rows": rows}
        click.echo(json.dumps(table, indent=1, allow_nan=False))
    else:
        click.echo(visible(found.verdict() if quiet else found.summary()))
        if full and not quiet:
            click.echo(visible("\n".join(f"  {row}" for row in found.rows if row.verdict != "outside")))
    click.get_current_context().exit(found.status)


def _plain(value: object) -> object:
    import math

    return None if isinstance(value, float) and not math.isfinite(value) else value
