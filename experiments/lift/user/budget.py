"""What a budget buys in a user-level test (units of money): users, or the lift at an expected cost per incremental action."""

from dataclasses import dataclass

from cpalab.refusal import refuse
from experiments.lift.estimate.cost_ratio import in_money
from experiments.lift.user.plan import UserTestDesign, UserTestPlan

__all__ = ["Budget"]


@dataclass(frozen=True)
class Budget:
    """Money for the ads of the treated arm.

    Args:
        amount: money; None where it is not limited.
        cost_per_action: what an incremental action is expected to cost; None where that is not known.

    Raises:
        LiftInputError: amounts that are not positive.
    """

    amount: float | None = None
    cost_per_action: float | None = None

    def __post_init__(self) -> None:
        """Refuse amounts that are none."""
        refuse(
            [
                f"{name}: {value} must be positive; give money"
                for name, value in (("budget", self.amount), ("cost_per_action", self.cost_per_action))
                if value is not None and not 0 < value < float("inf")
            ]
        )

    def users(self, design: UserTestDesign) -> int | None:
        """Users of both arms whom the money lasts for: B ÷ (cost per treated user × treated share); None if unlimited."""
        if self.amount is None or not design.cost_per_treated_user:
            return None
        # A hair more than a whole user is rounding.
        return int(self.amount / (design.cost_per_treated_user * design.treated_share) + 1e-9)

    def relative_lift(self, design: UserTestDesign, users: int) -> float | None:
        """The lift that the money buys: B ÷ cost per action, over the conversions of the treated without ads."""
        if self.amount is None or self.cost_per_action is None:
            return None
        return self.amount / self.cost_per_action / (design.effect(1.0) * design.treated_share * users)

    def needed(self, plan: UserTestPlan) -> float | None:
        """Money that buys the smallest lift found with the wanted power, at the expected cost per action."""
        if self.cost_per_action is None:
            return None
        design = plan.design
        return self.cost_per_action * design.effect(plan.minimum_detectable_lift) * design.treated_share * plan.users

    def sentences(self, plan: UserTestPlan) -> tuple[str, ...]:
        """What the money is enough for."""
        said = []
        if self.amount is not None and plan.cost > self.amount * (1 + 1e-9):
            said.append(
                f"The ads of this test cost {in_money(plan.cost)}, more than the budget of {in_money(self.amount)}."
            )
        needed = self.needed(plan)
        if needed is not None:
            enough = ""
            if self.amount is not None:
                enough = ": the budget is enough" if needed <= self.amount else ": the budget is too small"
            said.append(
                f"At {in_money(self.cost_per_action or 0.0)} per incremental action, the smallest lift found with "
                f"{plan.wanted_power:z.0%} costs {in_money(needed)}{enough}."
            )
        return tuple(said)
