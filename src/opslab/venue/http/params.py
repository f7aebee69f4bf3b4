"""A typed reader of a request's parameters: what is missing or malformed is refused with Binance's codes."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, overload

from opslab.venue.http.form import shown, texts
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.strip("^$"), re.ASCII)


class _Missing:
    """Stands for "no default": the parameter is mandatory."""


_MISSING: Final = _Missing()
_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = r"^-?[0-9]{1,18}$"
_DECIMAL_RE, _INTEGER_RE = re.compile(_DECIMAL, re.ASCII), re.compile(_INTEGER, re.ASCII)
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
"""Legal symbols, Binance's own pattern."""
CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
"""Legal client order ids, Binance's own pattern."""
_CODES = {
    "timeInForce": (-1115, "Invalid timeInForce."),
    "type": (-1116, "Invalid orderType."),
    "side": (-1117, "Invalid side."),
    "interval": (-1120, "Invalid interval."),
}
"""Enumerations with an error code of their own; others are -1130. Source: the error code pages of both markets."""
_MAX_LIST = 100_000


class Params:
    """The parameters of one request.

    Args:
        values: decoded parameters by name.
    """

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    @overload
    def text(self, name: str, *, pattern: str | None = None) -> str: ...
    @overload
    def text[T](self, name: str, default: T, *, pattern: str | None = None) -> str | T: ...
    def text(self, name: str, default: Any = _MISSING, *, pattern: str | None = None) -> Any:
        """Return a text; ``default`` where it was not sent.

        Raises:
            Refusal: -1102 mandatory and not sent, -1105 empty, -1100 not as ``pattern`` (a regular expression) demands.
        """
        value = self.values.get(name)
        if value is None:
            if default is _MISSING:
                raise mandatory(name)
            return default
        if not value:
            raise mandatory(name) if default is _MISSING else Refusal(-1105, f"Parameter '{name}' was empty.")
        if pattern is not None and not _compiled(pattern).fullmatch(value):
            raise illegal(name, pattern)
        return value

    @overload
    def decimal(self, name: str) -> Decimal: ...
    @overload
    def decimal[T](self, name: str, default: T) -> Decimal | T: ...
    def decimal(self, name: str, default: Any = _MISSING) -> Any:
        """Return a plain decimal number, not negative, without exponent.

        Raises:
            Refusal: -1102, -1105 or -1100, as ``text``.
        """
        value = self.text(name, default)
        if value is default:
            return default
        if not _DECIMAL_RE.fullmatch(value):
            raise illegal(name, _DECIMAL)
        return Decimal(value)

    @overload
    def integer(self, name: str, *, low: int | None = None, high: int | None = None) -> int: ...
    @overload
    def integer[T](self, name: str, default: T, *, low: int | None = None, high: int | None = None) -> int | T: ...
    def integer(self, name: str, default: Any = _MISSING, *, low: int | None = None, high: int | None = None) -> Any:
        """Return a whole number between ``low`` and ``high``, both inclusive.

        Raises:
            Refusal: -1102, -1105 or -1100 as ``text``; -1130 out of bounds.
        """
        value = self.text(name, default)
        if value is default:
            return default
        if not _INTEGER_RE.fullmatch(value):
            raise illegal(name, _INTEGER)
        number = int(value)
        if (low is not None and number < low) or (high is not None and number > high):
            raise invalid(name)
        return number

    @overload
    def enum[E: StrEnum](self, name: str, kind: type[E]) -> E: ...
    @overload
    def enum[E: StrEnum, T](self, name: str, kind: type[E], default: T) -> E | T: ...
    def enum(self, name: str, kind: type[StrEnum], default: Any = _MISSING) -> Any:
        """Return a member of ``kind``; case counts, as at Binance.

        Raises:
            Refusal: -1102 or -1105 as ``text``; -1115, -1116, -1117, -1120 or -1130 for a value that it does not have.
        """
        value = self.text(name, default)
        if value is default:
            return default
        found = kind._value2member_map_.get(value)  # calling the class does the same, several times slower
        if found is None:
            raise invalid(name)
        return found

    @overload
    def choice(self, name: str, allowed: Iterable[str]) -> str: ...
    @overload
    def choice[T](self, name: str, allowed: Iterable[str], default: T) -> str | T: ...
    def choice(self, name: str, allowed: Iterable[str], default: Any = _MISSING) -> Any:
        """Return one of the ``allowed`` texts; refusals as ``enum``."""
        value = self.text(name, default)
        if value is not default and value not in allowed:
            raise invalid(name)
        return value

    @overload
    def flag(self, name: str) -> bool: ...
    @overload
    def flag[T](self, name: str, default: T) -> bool | T: ...
    def flag(self, name: str, default: Any = _MISSING) -> Any:
        """Return a truth value: ``true`` or ``false`` in any case, since clients differ.

        Raises:
            Refusal: -1102 or -1105 as ``text``; -1130 for anything else.
        """
        value = self.text(name, default)
        if value is default:
            return default
        if value.lower() not in ("true", "false"):
            raise invalid(name)
        return value.lower() == "true"

    def json_list(self, name: str, high: int) -> list[Any]:
        """Return a JSON array of 1 to ``high`` entries.

        Raises:
            Refusal: -1102 not sent, -1130 not such an array.
        """
        text = self.text(name)
        try:
            found = json.loads(text) if len(text) <= _MAX_LIST else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or not 1 <= len(found) <= high:
            raise invalid(name)
        return found

    def json_params(self, name: str, high: int) -> list[Params]:
        """Return a JSON array of 1 to ``high`` objects, each with parameters of its own, as ``batchOrders``.

        Raises:
            Refusal: -1102 not sent, -1130 not such an array.
        """
        entries = self.json_list(name, high)
        if not all(isinstance(entry, dict) for entry in entries):
            raise invalid(name)
        return [Params(texts(entry)) for entry in entries]


def mandatory(name: str) -> Refusal:
    """Return the refusal of a parameter that had to be sent."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, pattern: str) -> Refusal:
    """Return the refusal of a value with characters that may not be in it."""
    return Refusal(-1100, f"Illegal characters found in parameter '{shown(name)}'; legal range is '{pattern}'.")


def invalid(name: str) -> Refusal:
    """Return the refusal of a value that the parameter does not take."""
    code, message = _CODES.get(name, (-1130, f"Data sent for parameter '{shown(name)}' is not valid."))
    return Refusal(code, message)
