"""Options that several readings of a lift test share: the side of the test, what the response is, JSON."""

import click

__all__ = ["alternative_option", "as_json_option", "margin_option", "outcome_option"]

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
outcome_option = click.option(
    "--outcome",
    type=click.Choice(["conversions", "value"]),
    default="conversions",
    show_default=True,
    help="What the response is: conversions have a price each, value has a return.",
)

alternative_option = click.option(
    "--alternative",
    type=click.Choice(["two-sided", "greater", "less"]),
    default="two-sided",
    show_default=True,
    help="Test for any effect, for an increase (greater) or for a decrease (less) only; choose before you look.",
)

margin_option = click.option(
    "--margin", type=float, metavar="SHARE",
    help="Does switching the ads off cost at most this share of conversions? 0.05 is 5 %.",
)  # fmt: skip
