"""`cpalab attribute`: anyone's touches and conversions, credited by any model, and what each credit costs."""

import json
from pathlib import Path
from typing import Any

import click

from experiments.cli.attribute.attribution_job import DEFAULT_MODELS, Answer, Job, attribute
from experiments.cli.options import talk_options
from experiments.cli.plugin_lists import PARAMETERS, listing_option
from experiments.cli.progress import progress_bar
from experiments.cli.text_file_options import text_file_options, text_options


def list_formats(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print every format with its options, columns and an example, and end."""
    if not asked or context.resilient_parsing:
        return
    from attribution.formats.registry import format_lines

    for line in format_lines():
        click.echo(line)
    context.exit()


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--query",
    "queries",
    multiple=True,
    metavar="SQL",
    help="Where FILE is a database (postgres://…, mysql://…, a file of SQLite): the rows of one table; may be repeated.",
)
@click.option(
    "--model",
    "-m",
    "models",
    multiple=True,
    metavar="MODEL",
    help="A name, a name with parameters such as 'markov(order=2)', or module:Class, FILE.py:Class. May be repeated. "
    f"Default: {', '.join(DEFAULT_MODELS)}. --models lists all.",
)
@listing_option("--models", "List the models with their parameters.", "attribution.model:MODELS", PARAMETERS)
@click.option(
    "--cost",
    "cost_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Cost by channel, and perhaps by date and segment. Default: costs in the data.",
)
@click.option(
    "--lift-tests",
    "lift_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Lift tests of the same period: channel, incremental_conversions, and standard_error or a 95 % interval "
    "(lower, upper). Adds every model, rescaled to what they found.",
)
@click.option(
    "--format",
    "format_name",
    metavar="FORMAT",
    help="Format of the files: a name, or a name with options such as 'ga4(conversion_events=(\"sign_up\",))'. "
    "Default: detected by their columns. --formats lists all.",
)
@click.option(
    "--formats",
    "formats_listed",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=list_formats,
    help="List the formats with their options, columns and a line of each.",
)
@click.option(
    "--separator",
    metavar="TEXT",
    help="What stands between the channels of counted paths. Default: told from the paths.",
)
@click.option(
    "--map",
    "map_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Two columns: a name of a campaign or channel (* stands for anything) and the channel it belongs to.",
)
@text_file_options
@click.option(
    "--missing-words",
    type=click.Choice(["empty", "name"]),
    help="Whether NA, null, None … in place of a name say that there is none, or are names. Default: refused.",
)
@click.option(
    "--bad-rows",
    type=click.Choice(["refuse", "drop"]),
    default="refuse",
    show_default=True,
    help="What to do with malformed rows; either way they are counted and named.",
)
@click.option(
    "--action", metavar="NAME", help="Which action to count (conversion, lead, qualified …). Default: conversion."
)
@click.option("--lookback", "lookback_days", type=float, metavar="DAYS", help="Days that a click counts. Default: 30.")
@click.option(
    "--view-lookback", "view_lookback_days", type=float, metavar="DAYS", help="Count views too, for so many days."
)
@click.option(
    "--direct",
    type=click.Choice(["kept", "ignored_unless_alone", "dropped"]),
    help="Visits without a source (channel 'direct'): counted as touches; ignored in journeys that have other touches; "
    "or left out. Default: kept; ignored_unless_alone in logs of cpalab, as in cpalab run.",
)
@click.option(
    "--transform",
    "transforms",
    multiple=True,
    type=click.Choice(["exposure", "first", "frequency", "remove_last_direct", "remove_direct"]),
    help="Change paths first, as fractribution and Snowplow do; may be repeated. exposure: repeats in a row are one; first: "
    "each channel once; frequency: once, with its count; direct visits off the end, or all of them.",
)
@click.option("--by", metavar="SEGMENT,…", help="Break down by columns of the data, such as device,campaign.")
@click.option("--period", type=click.Choice(["day", "week", "month"]), help="Break down by date.")
@click.option(
    "--clock",
    type=click.Choice(["click", "conversion"]),
    default="conversion",
    show_default=True,
    help="The date on which a credited conversion is booked.",
)
@click.option("--margin-rate", type=float, metavar="SHARE", help="Share of value left before ad cost, 0.4 for 40 %.")
@click.option(
    "--margin", "margin_per_action", type=float, metavar="AMOUNT", help="Margin of one action before ad cost."
)
@click.option(
    "--lifetime-value", type=float, metavar="AMOUNT", help="Margin of a customer over the whole relationship."
)
@click.option(
    "--intervals",
    type=click.IntRange(min=2),
    metavar="DRAWS",
    help="95 % intervals from so many bootstrap draws of people (200 is usual).",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the bootstrap.")
@click.option(
    "--stream",
    is_flag=True,
    help="One pass in little memory, for Parquet sorted by user_id; without --by and --period.",
)
@click.option(
    "--currency", metavar="CODE", help="Convert all amounts to this currency, by --rates. Default: several are refused."
)
@click.option(
    "--rates",
    "rates_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Two columns: currency, and rate: what one unit of it is worth in --currency.",
)
@click.option(
    "--details",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for what the models learnt: removal effects, transitions, sets of channels and their worth.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for cpa.csv, paths and a manifest.")
@click.option("--force", is_flag=True, help="Replace earlier results in DIR.")
@talk_options
def command(
    files: tuple[str, ...], queries: tuple[str, ...], models: tuple[str, ...], cost_file: Path | None, lift_file: Path | None,
    format_name: str | None, bad_rows: str, action: str | None, lookback_days: float | None,
    view_lookback_days: float | None, direct: str | None, transforms: tuple[str, ...], by: str | None, period: str | None,
    clock: str,
    margin_rate: float | None, margin_per_action: float | None, lifetime_value: float | None, intervals: int | None,
    seed: int, stream: bool, separator: str | None, map_file: Path | None, missing_words: Any,
    currency: str | None, rates_file: Path | None, details: Path | None,
    out: Path | None, force: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Credit the conversions in FILE… to channels, and put each channel's cost beside them.

    Reads event logs of cpalab, tables of touches and conversions (and costs), sessions, counted paths
    ("search > email", ChannelAttribution), Snowplow tables, the GA4 export and the Criteo data set, as CSV, TSV, JSON lines
    or Parquet.
    """
    from contextlib import nullcontext

    from cpalab.tables.databases import is_database
    from cpalab.whole_output import whole_folder
    from experiments.cli.terminal import write_csv

    job = Job(
        files=tuple(Path(file) for file in files if not is_database(file)),
        databases=tuple(file for file in files if is_database(file)),
        queries=queries,
        models=models or DEFAULT_MODELS,
        cost_file=cost_file,
        lift_file=lift_file,
        format_name=format_name,
        bad_rows=bad_rows,
        action=action,
        lookback_days=lookback_days,
        view_lookback_days=view_lookback_days,
        direct=direct,
        by=tuple(name.strip() for name in by.split(",") if name.strip()) if by else (),
        period=period,
        clock=clock,
        margin_rate=margin_rate,
        margin_per_action=margin_per_action,
        lifetime_value=lifetime_value,
        intervals=intervals,
        seed=seed,
        stream=stream,
        separator=separator,
        map_file=map_file,
        transforms=transforms,
        currency=currency,
        rates_file=rates_file,
        details=details,
        options=text_options(missing_words),
    )
    with (
        nullcontext() if out is None else whole_folder(out, force=force) as folder,
        nullcontext() if details is None else whole_folder(details, force=force) as detail_folder,
    ):
        with progress_bar(quiet or as_json, in_words=False) as report:
            answer = attribute(job, report)
        if folder is not None:
            write(answer, job, folder)
        if detail_folder is not None:
            for name, frame in answer.details:
                write_csv(frame, detail_folder / f"{name}.csv")
    if as_json:
        from experiments.cli.terminal import print_json

        print_json(answer.as_json())
    elif not quiet:
        show(answer)
        if out is not None:
            click.echo(f"\nWritten to {out}")
        if details is not None:
            click.echo(f"\nWritten to {details}: {', '.join(f'{name}.csv' for name, _ in answer.details)}")


def write(answer: Answer, job: Job, folder: Path) -> None:
    """Write cpa.csv, the paths, and a manifest of what was asked for."""
    from importlib.metadata import version

    from cpalab.tables.databases import without_password
    from experiments.cli.terminal import write_csv

    write_csv(answer.table, folder / "cpa.csv")
    paths = answer.paths.to_frame()
    write_csv(paths if answer.value_known else paths.drop(columns="value"), folder / "paths.csv")
    asked = {name: str(value) if isinstance(value, Path) else value for name, value in vars(job).items()}
    asked["options"] = None if job.options is None else {k: v for k, v in vars(job.options).items() if k != "exchange"}
    manifest = {
        "cpalab": version("cpalab"),
        "scenario": None,  # the data are the user's own
        **asked,
        "databases": [without_password(address) for address in job.databases],
        "inputs": [str(file) for file in job.files],
        "notes": [*answer.summaries, *answer.notes],
        "files": {file.name: {"bytes": file.stat().st_size} for file in sorted(folder.iterdir())},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def show(answer: Answer) -> None:
    """The table, and the sentences below it."""
    from experiments.cli.terminal import Table, console
    from experiments.report.numerals import money

    screen = console()
    frame = answer.table
    parts = list(frame.columns[: list(frame.columns).index("cost")])
    figures = [name for name in frame.columns if name not in parts and frame[name].notna().any()]
    headings = {
        "cost_per_conversion": answer.metric,
        "cost_per_conversion_lower": f"{answer.metric} from",
        "cost_per_conversion_upper": "to",
        "conversions_lower": "conversions from",
        "conversions_upper": "to",
    }
    table = Table(title="Credited conversions and what they cost", title_justify="left")
    for name in parts:
        table.add_column(name)
    for name in figures:
        table.add_column(headings.get(name, name.replace("_", " ")), justify="right")
    for row in frame.to_dict("records"):
        cells = [
            f"{row[n]:z,.1f}" if n.startswith("conversions") and row[n] == row[n] else money(float(row[n]))
            for n in figures
        ]
        table.add_row(*(str(row[name]) for name in parts), *cells)
    screen.print(table)
    if answer.counts is not None:
        counted = Table(title="What was read", title_justify="left")
        for name in ("", "of"):
            counted.add_column(name)
        counted.add_column("rows", justify="right")
        for what, of, rows in answer.counts.itertuples(index=False):
            counted.add_row(what, of, f"{rows:z,.0f}" if rows == round(rows) else f"{rows:z,.1f}")
        screen.print(counted)
    for line in (*answer.summaries, *answer.notes):
        screen.print(line, markup=False)
