"""Places: the campaigns that `channel` or `channel.campaign` means, or in words why it means none."""

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.scenario.build_law import Names


def places_of(names: Names) -> list[str]:
    """Every campaign as `channel.campaign`, in the order of the scenario."""
    return [f"{placed.channel}.{placed.name}" for placed in names.campaigns]


def campaigns_at(names: Names, place: str | None) -> list[int]:
    """Positions of the campaigns of a channel, of one campaign, or of all where no place is named.

    Raises:
        ScenarioError: there is no such channel or campaign, or nothing is bought there.
    """
    if place is None:
        return list(range(len(names.campaigns)))
    channel, dot, _ = str(place).partition(".")
    known = places_of(names)
    found = [c for c, word in enumerate(known) if (word if dot else names.campaigns[c].channel) == place]
    if not found and not dot and channel in names.channels:
        raise ScenarioError([Problem("campaign", "has no campaigns: nothing is bought there", repr(place))])
    if not found:
        paid = list(dict.fromkeys(placed.channel for placed in names.campaigns))
        hint = did_you_mean(str(place), known if dot else [*paid, *known])
        raise ScenarioError([Problem("campaign", "is no campaign of this market", repr(place), hint)])
    return found


def one_campaign(names: Names, place: str) -> int:
    """Position of one campaign: `channel.campaign`, or `channel` where it has only one.

    Raises:
        ScenarioError: it is none, or could mean several.
    """
    found = campaigns_at(names, place)
    if len(found) > 1:
        several = " or ".join(places_of(names)[c] for c in found)
        raise ScenarioError([Problem("campaign", "has several campaigns", repr(place), f"name {several}")])
    return found[0]
