"""`cpalab scenarios`: list the scenarios that come with cpalab, or show one."""

import click

from cpalab.visible_text import visible
from simulator.scenario.loading import DEFAULT_PRESET, load_scenario, presets, source_text


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the scenarios that come with cpalab; `show NAME` prints one as TOML, to start your own from."""
    if context.invoked_subcommand is not None:
        return
    width = max(map(len, presets()))
    for name in presets():
        mark = " (default)" if name == DEFAULT_PRESET else ""
        click.echo(visible(f"{name:<{width}}  {load_scenario(name).title}{mark}"))


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the TOML text of a scenario."""
    click.echo(source_text(name), nl=False)
