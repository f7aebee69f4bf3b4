"""What is wrong with plain data that describe a fault, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


_MARKS = ("function-before", "[key]")
"""What pydantic adds to a place that is no part of the data."""


def told(error: ValidationError) -> str:
    """Return the first finding as ``place: what``; an unknown key before anything else, it tells more."""
    findings = error.errors(include_url=False, include_context=False)
    first = next((item for item in findings if item["type"] == "extra_forbidden"), findings[0])
    place = ".".join(str(part) or "''" for part in first["loc"] if part not in _MARKS)
    message = "is an unknown key" if first["type"] == "extra_forbidden" else first["msg"]
    message = message.removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
