"""Reconciliation files: what is compared, what came out, and the event that tells of it.

The input and ``reconciliation_result.json`` are version 1 of the earlier lab's contract; ``differences``,
``differences_total`` and the digests are additions.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.events import CheckSeverity, SeverityCounts

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9:]{4,5})")


def _iso(value: Any) -> Any:
    """Pass only ISO-8601 text on: pydantic alone would also take Unix seconds, as a number or as text."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and _ISO.fullmatch(value)):
        raise ValueError("is not an ISO-8601 time with a zone, such as 2026-01-31T08:00:00Z")
    return value


Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_iso)]
"""An ISO-8601 time with a zone."""

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[^\p{C}\p{Z}]([^\p{C}\p{Zl}\p{Zp}]*[^\p{C}\p{Z}])?$"),
]
"""An id, symbol or status: printable, without blanks at its ends."""

DecimalText = Annotated[str, StringConstraints(max_length=128)]
"""A decimal as text, kept as written: whether it is a usable number is judged, not parsed."""


class DifferenceKind(StrEnum):
    """What differs between two views. ``missing_expected``: only the observed view has it."""

    MISSING_EXPECTED = "missing_expected"
    MISSING_OBSERVED = "missing_observed"
    SYMBOL = "symbol"
    SIDE = "side"
    TYPE = "type"
    QUANTITY = "quantity"
    FILLED_QUANTITY = "filled_quantity"
    PRICE = "price"
    AVERAGE_PRICE = "average_price"
    TIME_IN_FORCE = "time_in_force"
    STATUS = "status"
    TOTAL = "total"
    LOCKED = "locked"
    STALE = "stale"
    DUPLICATE = "duplicate"
    UNUSABLE = "unusable"
    FUTURE = "future"
    UNKNOWN = "unknown"


class Subject(StrEnum):
    """What a difference is about."""

    POSITION = "position"
    ORDER = "order"
    BALANCE = "balance"
    FRESHNESS = "freshness"


class _Strict(Artifact):
    """Takes no number for a text and no text for a number."""

    model_config = ConfigDict(strict=True)


class InputPosition(_Strict):
    """The net position in one symbol; ``qty`` is in base units, ``avg_entry_price`` in quote units."""

    symbol: Name
    side: Literal["long", "short", "flat"]
    qty: DecimalText
    avg_entry_price: DecimalText | None = None


class InputOrder(_Strict):
    """One open order; ``qty`` is in base units, ``price`` in quote units and null exactly for market orders."""

    order_id: Name
    symbol: Name
    side: Literal["buy", "sell"]
    type: Literal["limit", "market"]
    qty: DecimalText
    price: DecimalText | None = None
    time_in_force: Name | None = None
    status: Name | None = None

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if (self.price is None) != (self.type == "market"):
            raise ValueError("price must be null for a market order and set for a limit order")
        return self


class InputFreshness(_Strict):
    """When position and orders were last updated, and how many seconds old they may be at ``as_of_utc``."""

    position_ts_utc: Moment | None = None
    orders_ts_utc: Moment | None = None
    max_age_seconds: Annotated[float, Field(gt=0)] | None = None


class ReconciliationInput(_Strict):
    """One side of a file check: positions and open orders of a run as somebody saw them at ``as_of_utc``."""

    schema_version: Literal["v1"]
    run_id: str
    as_of_utc: Moment
    position: InputPosition
    open_orders: tuple[InputOrder, ...]
    freshness: InputFreshness | None = None
    notes: str | None = None


class ResultInputs(Artifact):
    """The compared files as they were named, and the digests of what was read; the earlier lab kept no digests."""

    expected_path: str
    observed_path: str
    expected_sha256: Sha256 | None = None
    observed_sha256: Sha256 | None = None


class CheckOutcome(Artifact):
    """One check: ``matched`` is true for ``ok`` and ``warning``; ``details`` is one line for people."""

    name: Literal["position", "open_orders", "freshness"]
    severity: CheckSeverity
    matched: bool
    details: str


class DifferenceRecord(Artifact):
    """One difference: ``key`` names the row, ``expected`` and ``observed`` are values as text, null where absent."""

    kind: DifferenceKind
    subject: Subject
    key: str
    expected: str | None
    observed: str | None


class ReconciliationResult(Artifact):
    """``reconciliation/NNNN.json``; ``reconciliation_result.json`` is the latest.

    Attributes:
        passed: no check came out ``mismatch`` or ``unknown``; ``pass`` in JSON.
        differences: the first ones, ordered by subject, key and kind.
        differences_total: how many there were.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    schema_version: Literal["v1"] = "v1"
    run_id: str
    ts_utc: UtcStamp
    status: CheckSeverity
    inputs: ResultInputs
    checks: tuple[CheckOutcome, ...]
    summary: SeverityCounts
    passed: bool = Field(alias="pass")
    differences: tuple[DifferenceRecord, ...] = ()
    differences_total: int = 0
