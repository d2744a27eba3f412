"""`cpalab check FILE`: validate a scenario."""

import click

from cpalab.visible_text import visible
from simulator.scenario.clock import Clock, clock_warnings
from simulator.scenario.loading import load_scenario, parse_overrides
from simulator.scenario.schema import Scenario


@click.command()
@click.argument("file")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override any value of the scenario.")
def command(file: str, overrides: tuple[str, ...]) -> None:
    """Validate a scenario FILE (or the name of one that comes with cpalab), and say in short what it describes."""
    scenario = load_scenario(file, parse_overrides(overrides))
    if scenario.processes:
        from simulator.market.processes.registry import processes_of

        processes_of(scenario)
    click.echo(visible(f"{file}: valid. {describe(scenario)}"))
    for warning in clock_warnings(scenario):
        click.echo(visible(f"Warning: {warning}"))


def describe(scenario: Scenario) -> str:
    """What a scenario holds, in a sentence."""
    acting = f" Processes act in it: {', '.join(scenario.processes)}." if scenario.processes else ""
    paid = scenario.paid_channels()
    campaigns = sum(len(channel.campaigns) for channel in scenario.channels.values())
    return (
        (
            f"{scenario.run.users:,} people for {scenario.run.days:g} days, {len(scenario.channels)} channels, "
            f"{len(paid)} of them paid with {campaigns} campaigns, {len(scenario.timeline)} changes on the timeline. "
            f"{Clock.of(scenario).summary()}"
        )
        + "".join(
            f" Geo test {name}: {test.channel}, {test.kind}, days {test.start_day} to {test.end_day}."
            for name, test in scenario.geo_tests.items()
        )
        + acting
    )
