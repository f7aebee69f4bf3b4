"""What every block of the run spec shares: its text and number types, and how additions to the contract are written."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from opslab.contract.base import Artifact
from opslab.errors import IdError
from opslab.ids import checked_id

COMPLETE = {"additions": "all"}
"""Serialisation context that writes every addition, set or not."""


def trimmed(value: Any) -> str:
    """Return a non-empty string without blanks around it.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic reports ValueError
    if not (text := value.strip()):
        raise ValueError("must be a non-empty string")
    return text


def _blank_to_none(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a string or null")  # noqa: TRY004 - pydantic reports ValueError
    return value.strip() or None


def _scalar(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        raise ValueError("must be true, false, a number or a text")  # noqa: TRY004 - pydantic reports ValueError
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("must be a whole number of at most 64 bits")
    return value


def safe_name(value: str, noun: str) -> str:
    """Return ``value`` if it is safe as a file name.

    Raises:
        ValueError: it is not.
    """
    try:
        return checked_id(value, noun)
    except IdError as error:
        raise ValueError(f"{error.what}; {error.fix}") from error


Text = Annotated[str, BeforeValidator(trimmed)]
"""A non-empty string, trimmed; numbers and dates are refused."""

OptionalText = Annotated[str | None, BeforeValidator(_blank_to_none)]
"""A trimmed string or null; blank becomes null."""


Scalar = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
"""What a strategy's setting may be: true, false, a finite number (whole ones of at most 64 bits) or a text."""

Quantity = Annotated[Decimal, Field(gt=0, le=10**15)]
"""A positive amount, within what the engine can hold."""


class SpecBlock(Artifact):
    """A block of the spec. Fields named in ``additions`` came after the earlier lab: unset, they leave no trace."""

    @classmethod
    def additions(cls) -> frozenset[str]:
        """Return the fields that the earlier lab did not know."""
        return frozenset(
            name for name, field in cls.model_fields.items() if (field.json_schema_extra or {}) == {"addition": True}
        )

    @model_serializer(mode="wrap")
    def _without_unset_additions(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        if info.context == COMPLETE:
            return dumped
        unset = type(self).additions() - self.model_fields_set
        return {name: value for name, value in dumped.items() if name not in unset}


def addition(default: Any = None) -> Any:
    """Return the field of something that the earlier lab did not know."""
    return Field(default=default, json_schema_extra={"addition": True})
