"""Amounts of one table in one currency: told from a column, signs or the header, and converted where rates are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpalab.refusal import InvalidInputError
from cpalab.tables.dialect import currency_in
from cpalab.tables.numerals import SIGNS, one_currency

if TYPE_CHECKING:
    from cpalab.tables.checked_columns import CheckedColumns, Floats


@dataclass(frozen=True)
class Exchange:
    """What one unit of every currency is worth in the currency that is wanted.

    Attributes:
        into: code of the wanted currency.
        rates: units of `into` per unit of each currency, by code.
    """

    into: str
    rates: Mapping[str, float]

    @staticmethod
    def read(file: Path, into: str) -> Exchange:
        """The rates in a file of two columns, currency and rate: 0.92 in the row USD says that 1 USD is 0.92 of `into`.

        Raises:
            InvalidInputError: if there are no such columns, a currency stands twice, or a rate is not above 0.
        """
        from cpalab.tables.checked_columns import CheckedColumns, Column, match_columns
        from cpalab.tables.input_table import open_table

        problems: list[str] = []
        source = open_table(file, known=("currency", "rate"))
        wanted = {"currency": Column(("currency", "currency_code", "code")), "rate": Column(("rate", "exchange_rate"))}
        found, rest = match_columns(source, wanted, problems)
        if rest:
            problems.append(f"{file.name}: holds {', '.join(rest)} too; give one rate per currency in two columns")
        if problems:
            raise InvalidInputError(problems)
        sieve = CheckedColumns(source.name, source.load())
        codes = [str(code).upper() for code in sieve.text(found["currency"]).to_pylist()]
        rates = sieve.numbers(found["rate"], empty=None)
        sieve.mark(found["rate"], ~(rates > 0) & ~sieve.bad, "must be above 0")
        problems += [
            f"{file.name}: {code} stands in several rows" for code in sorted({*codes}) if codes.count(code) > 1
        ]
        if problems or sieve.defects:
            raise InvalidInputError([*problems, *map(str, sieve.defects)])
        return Exchange(into, dict(zip(codes, rates.tolist(), strict=True)) | {into: 1.0})


def in_one_currency(
    sieve: CheckedColumns, amount: Floats, column: str, currency: str | None, problems: list[str]
) -> tuple[Floats, list[str]]:
    """The amounts in one currency, and its code where it is known; amounts of several are refused unless rates are given.

    Args:
        sieve: of the table.
        amount: the column's amounts, of shape (rows,).
        column: their column; its name may say the currency ("Cost (USD)", "revenue_eur").
        currency: the column of currencies, if there is one.
        problems: what is wrong, added to.
    """
    rows = len(sieve)
    beside: NDArray[Any] = np.full(rows, currency_in(column), dtype=object)
    signs = sieve.signs.get(column)
    beside = beside if signs is None else np.where(signs == "", beside, signs)
    named: NDArray[Any] = np.full(rows, "", dtype=object)
    if currency is not None:
        named[:] = [(code or "").upper() for code in sieve.ids(currency).to_pylist()]
    given = np.where(named == "", beside, named)
    codes = one_currency({*named.tolist(), *beside.tolist()} - {""})
    exchange = sieve.loaded.options.exchange
    if exchange is None or not codes:
        if len(codes) > 1:
            place = f"{sieve.place}.{currency or column}"
            hint = "convert them to one (--currency EUR --rates FILE)"
            problems.append(
                f"{place}: holds {', '.join(sorted(codes))}; amounts of several currencies are never summed; {hint}"
            )
        return amount, sorted(codes)
    apart = {
        pair: len(one_currency({*pair} - {""})) > 1 for pair in {*zip(named.tolist(), beside.tolist(), strict=True)}
    }
    wrong = np.array([apart[pair] for pair in zip(named.tolist(), beside.tolist(), strict=True)], dtype=np.bool_)
    sieve.mark(currency or column, wrong, "contradicts the sign or header of its amount", can_drop=False)
    by_code = {code: _rate(code, exchange) for code in {*given.tolist()}}
    rate = np.array([by_code[code] for code in given.tolist()], dtype=np.float64)
    lacking = np.isnan(rate) & (amount != 0)
    sieve.mark(currency or column, lacking, f"has no rate to {exchange.into} (--rates)", can_drop=False)
    return amount * np.nan_to_num(rate), [exchange.into]


def _rate(code: str, exchange: Exchange) -> float:
    """Units of the wanted currency per unit of what a code or sign names; NaN where that is none or several."""
    if code in exchange.rates:
        return exchange.rates[code]
    known = [exchange.rates[name] for name in SIGNS.get(code, ()) if name in exchange.rates]
    return known[0] if len(known) == 1 else np.nan
