"""The flag that lists what can be asked for by name (models, geo methods, designs), each with its parameters, and ends."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cpalab.plugins import Registry

__all__ = ["DESIGN_PARAMETERS", "METHOD_PARAMETERS", "PARAMETERS", "PROCESS_PARAMETERS", "listing_option"]

# Below the list of models.
PARAMETERS = """
Parameters stand in brackets, here with their defaults (… has none); those not named keep theirs. Quotes keep the shell from
reading the brackets: --model 'time_decay(half_life_days=3)' --model 'last_paid_click(paid_channels=("search", "video"))'.
Your own: --model mine:MyModel, or --model ./mine.py:MyModel.
lift_calibrated is asked for with cpalab attribute --lift-tests FILE."""

DESIGN_PARAMETERS = """
Your own: --designs mine:MyDesign, or --designs ./mine.py:MyDesign; with parameters, 'mine:MyDesign(days=14)'."""

METHOD_PARAMETERS = """
Parameters stand in brackets, here with their defaults. Your own: --observational mine:MyMethod, or ./mine.py:MyMethod."""

PROCESS_PARAMETERS = """
Parameters stand in brackets, here with their defaults (… has none). Quotes keep the shell from reading the brackets:
--process 'target_cpa(target=40, campaign="generic_search")'. Your own: --process mine:my_bot, or --process ./mine.py:my_bot.
In a scenario: [processes.NAME] with use = "target_cpa" and a key for each parameter."""

Command = TypeVar("Command", bound=Callable[..., Any])


def listing_option(flag: str, purpose: str, registry: str, below: str) -> Callable[[Command], Command]:
    """A flag that prints every plug-in of a registry with what it computes, and ends.

    Args:
        flag: as it is typed.
        purpose: its line in `--help`.
        registry: `module:NAME` of the registry, which is loaded when it is asked for.
        below: what is said below the list.
    """

    def show(context: click.Context, _: click.Parameter, asked: bool) -> None:
        if not asked or context.resilient_parsing:
            return
        module, _colon, name = registry.partition(":")
        listed: Registry[Any] = getattr(importlib.import_module(module), name)
        for written, line in listed.lines():
            click.echo(f"{written}\n    {line}")
        click.echo(below)
        context.exit()

    return click.option(flag, "listed", is_flag=True, is_eager=True, expose_value=False, callback=show, help=purpose)
