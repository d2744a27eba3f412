"""Fields: the kinds of number and name that the tables of a scenario are made of, in ranges that the engines can live with.

Shares run from 0 to 1, other numbers to a billion; a number that is not 0 is at least a billionth, because powers and
quotients of smaller ones leave the range of floating-point numbers. Factors that multiply with each other, exponents and
money, which is summed in whole micros, have narrower ranges.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

SMALLEST, LARGEST = 1e-9, 1e9


def _at_least_the_smallest(value: Any) -> Any:
    if value != 0 and abs(value) < SMALLEST:
        raise PydanticCustomError("tiny_number", "must be at least {least}", {"least": SMALLEST})
    return value


not_tiny = AfterValidator(_at_least_the_smallest)

Share = Annotated[float, Field(ge=0.0, le=1.0), not_tiny]
Positive = Annotated[float, Field(gt=0.0, le=LARGEST), not_tiny]
NotNegative = Annotated[float, Field(ge=0.0, le=LARGEST), not_tiny]
# Relative frequencies and factors of which several are multiplied with each other.
Weight = Annotated[float, Field(ge=1e-3, le=1e3)]
Factor = Annotated[float, Field(ge=0.0, le=1e6), not_tiny]
PositiveFactor = Annotated[float, Field(gt=0.0, le=1e6), not_tiny]
# Standard deviations of logarithms.
Sigma = Annotated[float, Field(ge=0.0, le=4.0), not_tiny]
# Currency units: a price, a bid, the value of an order.
Money = Annotated[float, Field(ge=0.0, le=1e7), not_tiny]
PositiveMoney = Annotated[float, Field(gt=0.0, le=1e7), not_tiny]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class Table(BaseModel):
    """A table of the scenario file: frozen, and no key is ever ignored."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, strict=True,
        protected_namespaces=(),  # fields may begin with model_, which old versions of pydantic warn of
    )  # fmt: skip
