"""Instruments: common Binance symbols built in, a small YAML file for any other.

The built-in numbers are a snapshot of the conventions of Binance's public ``exchangeInfo`` (spot ``/api/v3``, USD-M
futures ``/fapi/v1``) and of its regular fee tier; Binance changes ticks, steps, limits and fees from time to time, so
they may have moved since. For a dataset whose numbers were others, write the YAML.
"""

from __future__ import annotations

import difflib
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from opslab.contract.dataset import MAX_PRECISION, Instrument, InstrumentKind
from opslab.contract.spec_file import compose_strict, read_bounded
from opslab.errors import DataError, SpecError

VENUE = "binance"
# symbol: (price precision, tick, size precision, step, smallest quantity, largest quantity, smallest notional)
_Numbers = tuple[int, str, int, str, str, str, str]
_SPOT: dict[str, _Numbers] = {
    "BTCUSDT": (2, "0.01", 5, "0.00001", "0.00001", "9000", "5"),
    "ETHUSDT": (2, "0.01", 4, "0.0001", "0.0001", "9000", "5"),
    "BNBUSDT": (2, "0.01", 3, "0.001", "0.001", "900000", "5"),
    "SOLUSDT": (2, "0.01", 3, "0.001", "0.001", "90000", "5"),
    "XRPUSDT": (4, "0.0001", 1, "0.1", "0.1", "9222449", "5"),
    "ADAUSDT": (4, "0.0001", 1, "0.1", "0.1", "900000", "5"),
    "DOGEUSDT": (5, "0.00001", 0, "1", "1", "9000000", "1"),
}
_PERPETUAL: dict[str, _Numbers] = {
    "BTCUSDT": (1, "0.1", 3, "0.001", "0.001", "1000", "100"),
    "ETHUSDT": (2, "0.01", 3, "0.001", "0.001", "10000", "20"),
    "BNBUSDT": (2, "0.01", 2, "0.01", "0.01", "100000", "5"),
    "SOLUSDT": (2, "0.01", 2, "0.01", "0.01", "1000000", "5"),
    "XRPUSDT": (4, "0.0001", 1, "0.1", "0.1", "10000000", "5"),
    "ADAUSDT": (4, "0.0001", 0, "1", "1", "2000000", "5"),
    "DOGEUSDT": (5, "0.00001", 0, "1", "1", "50000000", "5"),
}
_TABLES = {InstrumentKind.SPOT: _SPOT, InstrumentKind.PERPETUAL: _PERPETUAL}
_FEES = {
    InstrumentKind.SPOT: {"maker_fee": Decimal("0.001"), "taker_fee": Decimal("0.001")},
    InstrumentKind.PERPETUAL: {
        "maker_fee": Decimal("0.0002"),
        "taker_fee": Decimal("0.0005"),
        "margin_init": Decimal("0.05"),
        "margin_maint": Decimal("0.025"),
    },
}

_CURRENCY = "up to 16 upper-case letters and digits, as in USDT"
_DECIMALS = f"a whole number of decimals from 0 to {MAX_PRECISION}"
_STEP = f"a number above 0 with at most {MAX_PRECISION} decimals, as in 0.01"
_FEE = "a share of the notional between -1 and 1, as in 0.0005"
_MARGIN = "a share of the notional from 0 to 1, as in 0.05"
TAKES = {
    "venue": "up to 32 lower-case letters, digits, - and _, a letter first, as in binance",
    "symbol": "up to 64 letters, digits, - and _, as in BTCUSDT",
    "kind": " or ".join(InstrumentKind),
    "base": _CURRENCY,
    "quote": _CURRENCY,
    "settlement": _CURRENCY,
    "price_precision": _DECIMALS,
    "tick_size": _STEP,
    "size_precision": _DECIMALS,
    "step_size": _STEP,
    "min_quantity": _STEP,
    "max_quantity": _STEP,
    "min_notional": f"a number from 0 with at most {MAX_PRECISION} decimals, as in 5",
    "maker_fee": _FEE,
    "taker_fee": _FEE,
    "margin_init": _MARGIN,
    "margin_maint": _MARGIN,
}
"""What each key of an instrument file takes, for people."""


def known_symbols(kind: InstrumentKind) -> tuple[str, ...]:
    """Return the symbols of ``kind`` that are built in."""
    return tuple(_TABLES[kind])


def built_in(symbol: str, kind: InstrumentKind = InstrumentKind.PERPETUAL) -> Instrument:
    """Return a common Binance instrument.

    Raises:
        DataError: it is not built in.
    """
    numbers = _TABLES[kind].get(symbol.upper())
    if numbers is None:
        raise DataError(
            f"{kind} instrument {symbol!r:.40} is not built in (there are: {', '.join(known_symbols(kind))})",
            fix="describe it in a YAML file and pass --instrument-file",
        )
    price_precision, tick, size_precision, step, smallest, largest, notional = numbers
    return Instrument(
        venue=VENUE,
        symbol=symbol.upper(),
        kind=kind,
        base=symbol.upper().removesuffix("USDT"),
        quote="USDT",
        price_precision=price_precision,
        tick_size=Decimal(tick),
        size_precision=size_precision,
        step_size=Decimal(step),
        min_quantity=Decimal(smallest),
        max_quantity=Decimal(largest),
        min_notional=Decimal(notional),
        **_FEES[kind],
    )


def read_instrument_file(path: str | Path) -> Instrument:
    """Return the instrument that the YAML file ``path`` describes; its keys are ``Instrument``'s fields.

    Raises:
        DataError: the file is missing, malformed or not an instrument, with the line or field.
    """
    try:
        node = compose_strict(read_bounded(Path(path), "instrument"), str(path), "instrument")
    except SpecError as error:
        raise DataError(error.what, where=error.where, fix="see the instrument file in the docs") from error
    try:
        return Instrument.model_validate(_plain(node))
    except ValidationError as error:
        what, fix = _told(error.errors(include_url=False))
        raise DataError(what, where=path, fix=fix) from error


def _told(findings: list[Any]) -> tuple[str, str]:
    """Return what is wrong with an instrument file, and what to do, in words of its keys."""
    # A misspelt key shows up twice, as unknown and as missing: the unknown one tells more.
    first = next((item for item in findings if item["type"] == "extra_forbidden"), findings[0])
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key.casefold(), Instrument.model_fields, n=1, cutoff=0.5)
        known = f"its keys are {', '.join(Instrument.model_fields)}"
        return f"{key!r:.60} is an unknown key", f"did you mean {near[0]!r}?" if near else known
    if first["type"] == "missing":
        return f"the key {key} is missing", f"add it: {TAKES[key]}"
    if not key:
        return str(first["msg"]).removeprefix("Value error, "), "correct one of the two"
    return f"{key}: {first['input']!r:.60} cannot be used", f"write {TAKES[key]}"


def _plain(node: yaml.Node) -> Any:
    """Return scalars as written, so that 0.10 keeps its digits and no decimal passes through a float."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    if node.tag == "tag:yaml.org,2002:null":
        return None
    if node.tag == "tag:yaml.org,2002:int" and node.value.isdecimal():
        return int(node.value)
    return node.value
