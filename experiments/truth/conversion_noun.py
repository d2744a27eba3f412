"""The action: what a scenario's macro-conversion is called, as a noun for tables and sentences (purchase, install, lead)."""

from dataclasses import dataclass

from simulator.scenario.schema import Scenario


@dataclass(frozen=True)
class ConversionNoun:
    """What is counted and priced.

    Attributes:
        one: its name in the singular.
    """

    one: str = "order"

    @classmethod
    def of(cls, scenario: Scenario) -> "ConversionNoun":
        """The last step of the scenario's funnel, in words."""
        return cls(scenario.funnel[-1].name.replace("_", " "))

    @property
    def many(self) -> str:
        """The plural: purchases, trial accesses, enquiries."""
        if self.one.endswith(("s", "x", "z", "ch", "sh")):
            return f"{self.one}es"
        if self.one.endswith("y") and self.one[-2:-1] not in tuple("aeiou"):
            return f"{self.one[:-1]}ies"
        return f"{self.one}s"

    @property
    def any(self) -> str:
        """With its article: a purchase, an install."""
        return f"{'an' if self.one.startswith(tuple('aeiou')) else 'a'} {self.one}"

    def counted(self, number: int) -> str:
        """So many of them: 1 order, 2,000 orders."""
        return f"{number:,} {self.one if number == 1 else self.many}"


ORDER = ConversionNoun()
