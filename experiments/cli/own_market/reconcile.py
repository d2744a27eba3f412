"""`cpalab reconcile`: why platform, analytics and CRM disagree, cause by cause, and whether that is normal or a bug."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from cpalab.refusal import Problem
    from experiments.own_market.reconcile import ClaimedFigures, Reconciliation


@click.command()
@click.argument("table", required=False, metavar="[TABLE]")
@click.option("--platform", type=float, metavar="N", help="Actions that the ad platform claims.")
@click.option("--analytics", type=float, metavar="N", help="Actions that web analytics credits.")
@click.option("--crm", type=float, metavar="N", help="Actions by the source that the CRM knows.")
@click.option("--scope", type=click.Choice(["channel", "orders"]), default="channel", show_default=True,
              help="What is counted: what each system credits to a channel, or all orders, whatever their source "
                   "(platforms: the sum of all claims).")  # fmt: skip
@click.option("--days", type=float, default=28.0, show_default=True, help="Length of the period.")
@click.option(
    "--rate", "rates", multiple=True, metavar="NAME=VALUE", help="What is known: view=0.35, or consent=0.5..0.7."
)
@click.option(
    "--lag", type=click.Path(path_type=Path), metavar="CSV", help="Your conversion lag: days, share within them."
)
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html",
              help="Also write the result as one page that needs no network.")  # fmt: skip
@click.option("--full", is_flag=True, help="Show every cause of every channel.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    table: str | None, platform: float | None, analytics: float | None, crm: float | None,
    scope: Literal["channel", "orders"], days: float, rates: tuple[str, ...], lag: Path | None,
    page: Path | None, full: bool, as_json: bool,
) -> None:  # fmt: skip
    """Why systems count differently, and whether that is normal or a bug.

    Give two or three numbers of the same action, channel and period, or a TABLE: channel, platform, analytics, crm (or
    channel, system, conversions), and perhaps columns named like a rate. Rates that are not given run over published ranges:
    consent, recovered, pixel, server, match, blockers, tags, repeats, click_days, same_session, log_in, view, double,
    late_consent, utm, sessions_missed, crm_by_utm, gateway, cookies, source_missing, refunds, read_after_days,
    platforms_per_order.
    """
    from cpalab.refusal import Problem, Refused
    from experiments.cli.rates import lag_points, rate
    from experiments.own_market.reconcile import reconcile

    problems: list[Problem] = []
    known = dict(rate(text, problems) for text in rates)
    figures = _figures(table, platform, analytics, crm, problems)
    if page is not None and not page.resolve().parent.is_dir():
        problems.append(Problem("--page", "lies in a folder that does not exist", str(page), "make the folder first"))
    if problems:
        raise Refused(problems)
    found = reconcile(figures, scope=scope, days=days, rates=known, lag=None if lag is None else lag_points(lag))
    if page is not None:
        from cpalab.whole_output import whole_file
        from experiments.own_market.reconcile_page import render_reconciliation

        with whole_file(page) as file:
            file.write_text(render_reconciliation(found), encoding="utf-8")
        click.echo(f"Written to {page}: open it in a browser; it needs no network.", err=True)
    _show(found, full=full, as_json=as_json)


def _figures(
    table: str | None, platform: float | None, analytics: float | None, crm: float | None, problems: "list[Problem]"
) -> "tuple[ClaimedFigures, ...]":
    import math

    from cpalab.refusal import Problem
    from experiments.own_market.claimed_table import read_claimed
    from experiments.own_market.reconcile import ClaimedFigures

    given = [number for number in (platform, analytics, crm) if number is not None]
    if table is not None and given:
        problems.append(Problem("TABLE", "cannot stand beside --platform, --analytics, --crm", table))
    elif table is None and len(given) < 2:
        hint = "or give a table: channel, platform, analytics, crm"
        problems.append(Problem("--platform, --analytics, --crm", "must give at least two numbers", hint=hint))
    elif table is not None:
        return read_claimed(table)
    numbers = [math.nan if n is None else n for n in (platform, analytics, crm)]
    return (ClaimedFigures("figures", numbers[0], numbers[1], numbers[2]),)


def _show(found: "Reconciliation", *, full: bool, as_json: bool) -> None:
    from experiments.cli.terminal import Table, console, print_json

    if as_json:
        verdicts = [vars(v) | {"word": v.word} for v in found.verdicts]
        print_json(
            {
                "bug": found.bug, "verdicts": verdicts, "causes": found.to_frame().to_dict("records"),
                "ask": found.ask, "told": found.told, "scope": found.scope, "summary": found.summary(),
            }
        )  # fmt: skip
        return
    screen = console()
    shown = [row for row in found.causes if full or row.channel == found.verdicts[0].channel]
    if shown:
        table = Table(title="Where the gap comes from, in actions (90 % ranges)", title_justify="left")
        for heading in ("channel", "gap", "cause"):
            table.add_column(heading)
        for heading in ("from", "middle", "to", "share of gap"):
            table.add_column(heading, justify="right")
        before: tuple[str, str] | None = None
        for row in shown:
            head = (row.channel, row.compared)
            numbers = (f"{x:+z,.0f}" for x in (row.lower, row.middle, row.upper))
            share = f"{row.share:z.0%}" if row.share == row.share else "–"
            table.add_row(*(head if head != before else ("", "")), row.cause, *numbers, share)
            before = head
        screen.print(table)
    screen.print(found.summary())
