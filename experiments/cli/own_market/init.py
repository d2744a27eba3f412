"""`cpalab init`: worlds that show what a channel table does, and differ in what it cannot show."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from experiments.own_market.ensemble import Ensemble


@click.command()
@click.argument("channels", metavar="CHANNELS")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE.toml",
              help="The middle world; the ensemble goes to the folder FILE.ensemble beside it.")  # fmt: skip
@click.option("--lift", type=click.Path(path_type=Path), metavar="CSV",
              help="Your lift tests: channel, incremental_conversions, and standard_error or lower, upper.")  # fmt: skip
@click.option("--lag", type=click.Path(path_type=Path), metavar="CSV",
              help="Conversions by days since the click: days (0, <1, 3, 1-2, 12+), conversions.")  # fmt: skip
@click.option("--paths", type=click.Path(path_type=Path), metavar="CSV",
              help="Paths of converting people: path, conversions, or any format that cpalab attribute reads.")  # fmt: skip
@click.option("--days", type=float, default=30.0, show_default=True, help="Length of the period in CHANNELS.")
@click.option("--orders", type=float, metavar="N", help="All orders of the shop in the period, whatever their source.")
@click.option("--order-value", type=float, metavar="AMOUNT", help="Mean value of an order.")
@click.option(
    "--worlds", type=click.IntRange(min=3, max=200), default=10, show_default=True, help="How many worlds to fit."
)
@click.option("--users", type=click.IntRange(min=5_000), default=60_000, show_default=True,
              help="People simulated in each; more make the figures surer and the fit longer.")  # fmt: skip
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=3.0, show_default=True, help="Time budget."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of suppositions and worlds.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Threads to use. Default: all cores."
)
@click.option("--force", is_flag=True, help="Replace earlier results.")
@click.option("--full", is_flag=True, help="Show every fitted figure.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
def command(
    channels: str, out: Path, lift: Path | None, lag: Path | None, paths: Path | None, days: float, orders: float | None,
    order_value: float | None,
    worlds: int, users: int, minutes: float, seed: int, threads: int, force: bool, full: bool, quiet: bool,
) -> None:  # fmt: skip
    """Scenarios of your own market from a channel table.

    CHANNELS has a row per channel: channel, cost, and as much as there is of impressions, clicks, platform (conversions it
    claims), analytics, crm, value, kind, currency; exports of Google Ads and Meta Ads are read as they are. Rows without cost
    called direct, organic, referral … count towards all orders. --lag and --paths add how late people order and which
    channels take part without being the last.

    Attributed figures do not say what ads cause: so an ensemble of worlds is fitted, which all show the table and differ in
    that, within the range of published experiments and of your own lift tests; init.html in it is the page.
    cpalab truth FILE.ensemble gives ranges.
    """
    from attribution.formats.lift_tests import read_lift_tests
    from cpalab.refusal import Problem, Refused
    from cpalab.whole_output import whole_file, whole_folder
    from experiments.cli.progress import progress_bar, say_if_compiling
    from experiments.own_market.channel_table import read_channels
    from experiments.own_market.ensemble import fit_ensemble
    from experiments.own_market.ensemble_page import render_ensemble
    from experiments.own_market.journeys import with_journeys
    from experiments.own_market.toml_text import toml_text
    from simulator.storage import write_manifest

    if out.suffix != ".toml":
        raise Refused([Problem("--out", "must be a file that ends in .toml", str(out))])
    if out.exists() and not force:
        raise Refused([Problem("--out", "exists already", str(out), "--force replaces it")])
    table = read_channels(channels, days=days, orders=orders, order_value=order_value)
    table = with_journeys(table, lag, paths)
    lifts = () if lift is None else read_lift_tests(lift)
    with whole_folder(out.with_suffix(".ensemble"), force=force) as folder:
        say_if_compiling(quiet)
        with progress_bar(quiet) as report:
            found = fit_ensemble(
                table, lifts, worlds=worlds, users=users, minutes=minutes, seed=seed, threads=threads,
                progress=lambda share: report("fit", share),
            )  # fmt: skip
        found.write(folder)
        (folder / "init.html").write_text(render_ensemble(found), encoding="utf-8")
        write_manifest(folder, None)
        with whole_file(out) as file:
            file.write_text(toml_text(found.worlds[0].tables), encoding="utf-8")
    if not quiet:
        _show(found, full=full)
        everything = out.with_suffix(".ensemble")
        click.echo(
            f"\nWritten: {out} (the middle world) and {everything} (all {len(found.worlds)}): open {everything / 'init.html'}"
        )


def _show(found: "Ensemble", *, full: bool) -> None:
    from experiments.cli.terminal import Table, console
    from experiments.report.numerals import money

    screen = console()
    table = Table(title="What the table leaves open, 90 % ranges", title_justify="left")
    table.add_column("channel")
    for heading in ("cost", "orders by source", "incremental orders", "incremental CPA", "in the worlds"):
        table.add_column(heading, justify="right")
    for r, row in zip(found.ranges, found.to_frame().to_dict("records"), strict=True):
        table.add_row(
            r.channel + (" (tested)" if r.tested else ""), money(r.cost), f"{r.orders:z,.0f}",
            f"{r.lower:z,.0f} to {r.upper:z,.0f}", f"{money(r.price(r.upper))} to {money(r.price(r.lower))}",
            f"{row['worlds_lowest']:z,.0f} to {row['worlds_highest']:z,.0f}",
        )  # fmt: skip
    screen.print(table)
    if full:
        fit = Table(title="Fit of the middle world", title_justify="left")
        for heading in ("channel", "figure"):
            fit.add_column(heading)
        for heading in ("observed", "simulated", "sampling error", "apart, in errors"):
            fit.add_column(heading, justify="right")
        for m in found.worlds[0].moments:
            if m.errors == m.errors:
                fit.add_row(
                    m.channel,
                    m.figure,
                    f"{m.observed:z,.0f}",
                    f"{m.simulated:z,.0f}",
                    f"{m.sampling_error:z,.1f}",
                    f"{m.errors:+z.1f}",
                )
            else:
                fit.add_row(m.channel, m.figure, "–", f"{m.simulated:z,.0f}", "–", "not in the table")
        screen.print(fit)
    screen.print(found.summary())
