"""`cpalab record`: what each system saw of one simulated market."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.chosen_world import chosen_market, world_of
from experiments.cli.options import engine_options, output_options, scenario_options, talk_options
from experiments.cli.progress import progress_bar, say_if_compiling

if TYPE_CHECKING:
    import pandas as pd

    from experiments.comparison.systems_report import SystemsReport
    from simulator.playing import EngineName


@click.command()
@scenario_options
@output_options
@engine_options
@talk_options
def command(
    scenario: str, users: int | None, days: float | None, seed: int | None, overrides: tuple[str, ...],
    out: Path | None, force: bool, engine: "EngineName", threads: int, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """What platforms, web analytics, CRM, privacy-preserving postbacks and noisy aggregate reports have of one market.

    SCENARIO is a name (see cpalab scenarios), a TOML file, or the folder of a world that cpalab simulate or run has
    written; there, --set may change tracking. With --out, writes to DIR, whole or not at all: claims.parquet (one row per
    action and channel a system credits); touches.parquet and conversions.parquet (the sessions and actions web analytics has,
    by cookie or log-in) and costs.csv, as cpalab attribute reads them; record.html (the page) and record.json; channels.csv,
    channel_groups.csv, postbacks.csv and aggregate.csv.
    """
    from contextlib import nullcontext

    chosen, stored = chosen_market(scenario, users, days, seed, overrides, out=out, replays_tracking=True)
    from cpalab.micros import MICROS
    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal import print_json, write_csv, write_tables
    from experiments.comparison.systems_report import systems_report
    from experiments.report.pages.record_page import render_record
    from simulator.record.systems.analytics_journeys import recorded_journeys
    from simulator.storage import write_manifest

    with nullcontext() if out is None else whole_folder(out, force=force) as folder:
        say_if_compiling(quiet, twins=False)
        with progress_bar(quiet) as report:
            world = world_of(chosen, stored, engine, threads, report)
            report("record", 0.0)
            found = systems_report(world)
        frames = tables_of(found)
        tables = {"title": chosen.title, "orders": found.orders, "summary": found.summary()}
        tables |= {name: frame.to_dict("records") for name, frame in frames.items()}
        costs = [(channel, micros / MICROS) for channel, micros in found.record.cost_micros.items()]
        if folder is not None:
            import pandas as pd
            import pyarrow.parquet as pq

            pq.write_table(found.record.claims, folder / "claims.parquet")
            for name, table in zip(("touches", "conversions"), recorded_journeys(world), strict=True):
                pq.write_table(table, folder / f"{name}.parquet")
            write_csv(pd.DataFrame(costs, columns=["channel", "cost"]), folder / "costs.csv")
            write_tables(folder, "record", tables, frames)
            page = render_record(found, chosen.title, chosen.market.currency)
            (folder / "record.html").write_text(page, encoding="utf-8")
            write_manifest(folder, chosen)
    if as_json:
        print_json(tables)
    elif not quiet:
        print_record(found, chosen.market.currency)
        if out is not None:
            click.echo(f"\nWritten to {out}: open {out / 'record.html'}")


def tables_of(found: "SystemsReport") -> dict[str, "pd.DataFrame"]:
    """Its tables by name."""
    return {
        "channels": found.channels,
        "channel_groups": found.groups,
        "postbacks": found.postbacks,
        "aggregate": found.aggregate,
    }


def print_record(found: "SystemsReport", currency: str) -> None:
    """The tables and a sentence."""
    from experiments.cli.terminal import Table, console
    from experiments.comparison.verdict import words
    from experiments.report.numerals import money, number

    screen = console()

    def show(title: str, frame: "pd.DataFrame", names: int, note: str, prices: tuple[str, ...] = ()) -> None:
        table = Table(title=title, title_justify="left")
        for place, heading in enumerate(frame.columns):
            table.add_column(heading.replace("_", " "), justify="left" if place < names else "right")
        for row in frame.itertuples(index=False):
            cells = zip(frame.columns, row, strict=True)
            table.add_row(
                *(
                    words(str(value)) if isinstance(value, str) else money(value) if column in prices else number(value)
                    for column, value in cells
                )
            )
        screen.print(table)
        screen.print(note, style="dim")
        screen.print()

    show(
        "What each system recorded, by channel", found.channels, 1,
        "Platform: what platforms and networks claim, of it by view and modelled. Analytics, CRM: by the source they know.",
    )  # fmt: skip
    show(
        f"Web analytics by default channel group, money in {currency}", found.groups, 1,
        "By GA4's published rules on the UTM parameters of tracking.transport.utm.", ("value", "cost", "cost_per_conversion"),
    )  # fmt: skip
    show(
        "Privacy-preserving postbacks, by window (1: days 0-2, 2: 3-7, 3: 8-35 after the first click)",
        found.postbacks, 2,
        "Coarse values of people who let no app track them; withheld: the crowd of that campaign and day was too small.",
    )  # fmt: skip
    show(
        f"Noisy aggregate report, value in {currency}", found.aggregate, 1,
        "Seen: through randomised response. Conversions and value: unbiased, with their standard errors.",
        ("conversions", "conversions_standard_error", "value", "value_standard_error"),
    )  # fmt: skip
    screen.print(found.summary())
