"""`cpalab lesson`: a lesson about cost per action as one page that runs in a browser, with nothing installed."""

from pathlib import Path

import click

from cpalab.refusal import InvalidInputError, Problem
from experiments.cli.progress import progress_bar, say_if_compiling
from experiments.report.lessons.lesson import LESSONS, load_lesson


@click.command()
@click.argument("name", required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html", help="The page to write.")
@click.option("--force", is_flag=True, help="Replace FILE.html.")
@click.option(
    "--users",
    type=click.IntRange(min=1_000, max=200_000),
    help="People to simulate, instead of the lesson's own number.",
)
@click.option("--seed", type=int, help="Another market than the usual one; give each class its own.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads to use; the same page."
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
def command(
    name: str | None, out: Path | None, force: bool, users: int | None, seed: int | None, threads: int, quiet: bool
) -> None:
    """Write the lesson NAME as one page; without NAME, list the lessons.

    The learner guesses first, then moves the settings of the report while real orders stand still, and then sees the truth.
    The page needs no network and holds questions, answers and a teacher's sheet.
    """
    if name is None:
        width = max(map(len, LESSONS))
        for known in LESSONS:
            click.echo(f"{known:<{width}}  {load_lesson(known).line}")
        click.echo("\nWrite one with: cpalab lesson NAME --out NAME.html")
        return
    problems: list[Problem] = []
    try:
        load_lesson(name)
    except InvalidInputError as error:
        problems += error.problems
    if out is None:
        problems.append(Problem("--out", "is missing", hint=f"name the page to write, as in --out {name}.html"))
    elif out.exists() and not force:
        problems.append(Problem("--out", "is there already", str(out), "give --force to replace it, or another name"))
    elif not out.resolve().parent.is_dir():
        problems.append(Problem("--out", "lies in a folder that does not exist", str(out), "make the folder first"))
    if problems or out is None:
        raise InvalidInputError(problems)
    from cpalab.whole_output import whole_file
    from experiments.report.lessons.page import render_lesson

    say_if_compiling(quiet)
    with progress_bar(quiet) as report, whole_file(out) as unfinished:
        page = render_lesson(
            name, users=users, seed=seed, threads=threads, progress=lambda share: report("simulate", share)
        )
        unfinished.write_text(page, encoding="utf-8")
    if not quiet:
        click.echo(f"Written: {out}. Open it in a browser; it needs no network.")
