"""`cpalab scenarios`: list the scenarios that come with cpalab, or show one."""

from textwrap import wrap

import click

from cpalab.visible_text import visible
from simulator.scenario.loading import DEFAULT_PRESET, literature, load_scenario, presets, source_text


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the scenarios that come with cpalab; `show NAME` prints one as TOML, to start your own from.

    Below each: its people and days, its paid channels, and what it teaches. The second list is of published results, each
    with its source in the file.
    """
    if context.invoked_subcommand is not None:
        return
    for heading, names in (("Markets", presets()), ("Published results", literature())):
        click.echo(f"{heading}:")
        for name in names:
            scenario = load_scenario(name)
            mark = " (default)" if name == DEFAULT_PRESET else ""
            size = f"{scenario.run.users:,} people, {scenario.run.days:g} days, {', '.join(scenario.paid_channels())}"
            lines = [f"  {name}  {scenario.title}{mark}", *(f"      {line}" for line in wrap(size, 110))]
            lines += [f"      {line}" for line in wrap(lesson_of(scenario.description), 110)]
            click.echo(visible("\n".join(lines)))


def lesson_of(description: str) -> str:
    """The first paragraph of a description."""
    return " ".join(description.strip().partition("\n\n")[0].split())


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the TOML text of a scenario."""
    click.echo(source_text(name), nl=False)
