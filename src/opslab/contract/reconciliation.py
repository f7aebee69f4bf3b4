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
    """What differs between an expected and an observed view; in the views of a run the venue's books are expected."""

    MISSING_EXPECTED = "missing_expected"
    """Of two files: only the observed one has it."""
    MISSING_OBSERVED = "missing_observed"
    """Of two files: only the expected one has it."""
    MISSING_LOCAL = "missing_local"
    """The venue has it; engine or strategy know nothing of it."""
    MISSING_VENUE = "missing_venue"
    """Engine or strategy believe in it; the venue's books have none."""
    FABRICATED = "fabricated"
    """Engine or strategy, or a message on the wire, tell of a fill that the venue never booked."""
    UNATTRIBUTED = "unattributed"
    """The venue has an order that no strategy of the run placed: somebody else trades on the account."""
    UNATTRIBUTED_ENDED = "unattributed_ended"
    """The venue had such an order; it is over, and what it left is known to all: it is told, and does not last."""
    SYMBOL = "symbol"
    """Both have it, in different instruments."""
    SIDE = "side"
    """Both have it, one as a purchase or long, one as a sale or short."""
    TYPE = "type"
    """Both have the order, as another type."""
    QUANTITY = "quantity"
    """Both have it, of another size, beyond one step of the instrument."""
    FILLED_QUANTITY = "filled_quantity"
    """Both have the order, filled to another extent."""
    PRICE = "price"
    """Both have the order or fill, at another price, beyond one tick of the instrument."""
    TRIGGER_PRICE = "trigger_price"
    """Both have the order, waiting for another price, beyond one tick of the instrument."""
    REDUCE_ONLY = "reduce_only"
    """Both have the order; only one takes it for one that may not open or enlarge a position."""
    AVERAGE_PRICE = "average_price"
    """Both hold the position, bought or sold at another mean price, beyond one tick of the instrument."""
    TIME_IN_FORCE = "time_in_force"
    """Both have the order, valid for another time."""
    STATUS = "status"
    """Both have the order; one takes it for open, filled or void, the other does not."""
    FEE = "fee"
    """Both have the fill, at another commission or in another currency, beyond the rounding of its eighth decimal."""
    BALANCE = "balance"
    """Both know the account's currency; what is held of it differs."""
    TOTAL = "total"
    """Of two files: what an account holds differs."""
    LOCKED = "locked"
    """Both know the account's currency; what orders hold back of it differs."""
    STALE = "stale"
    """It was updated longer ago than is allowed."""
    DUPLICATE = "duplicate"
    """One of them has it twice under one key, where it can be there once."""
    UNUSABLE = "unusable"
    """What was told is no usable number, or contradicts itself."""
    FUTURE = "future"
    """It was updated at a time that is still to come."""
    UNKNOWN = "unknown"
    """Somebody could not tell: that is never read as having none."""


class Subject(StrEnum):
    """What a difference is about."""

    POSITION = "position"
    ORDER = "order"
    FILL = "fill"
    BALANCE = "balance"
    FRESHNESS = "freshness"


def _is_absent(value: object) -> bool:
    return value is None


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


CheckName = Literal["position", "open_orders", "freshness", "fills", "balances", "wire"]
"""Of two files the first three; of the views of a run all."""


class CheckOutcome(Artifact):
    """One check: ``matched`` is true for ``ok`` and ``warning``; ``details`` is one line for people."""

    name: CheckName
    severity: CheckSeverity
    matched: bool
    details: str


class DifferenceRecord(Artifact):
    """One difference: ``key`` names the row, ``expected`` and ``observed`` are values as text, null where absent.

    Attributes:
        view: who differs from the venue: ``engine``, ``strategy`` or ``wire``; absent where files were compared.
    """

    kind: DifferenceKind
    subject: Subject
    key: str
    expected: str | None
    observed: str | None
    view: str | None = Field(default=None, exclude_if=_is_absent)


Source = Literal["files", "views"]
"""What was compared: two files by hand, or what venue, engine and strategy of a run believed."""


class OtherResult(Artifact):
    """The latest result of the other source, which goes on counting: neither speaks for the other.

    Attributes:
        source: what was compared.
        ts_utc: when.
        status: what it came to.
    """

    source: Source
    ts_utc: UtcStamp
    status: CheckSeverity


class ReconciliationResult(Artifact):
    """``reconciliation/NNNN.json``; ``reconciliation_result.json`` is the latest.

    Attributes:
        source: what was compared; absent in results of earlier labs.
        other: the latest result of the other source by then; absent where there was none.
        passed: no check came out ``mismatch`` or ``unknown``; ``pass`` in JSON.
        differences: the first ones, ordered by subject, key and kind.
        differences_total: how many there were.
        views: what venue, engine and strategy believed, and what was on the wire; absent where files were compared.
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
    views: dict[str, Any] | None = Field(default=None, exclude_if=_is_absent)
    source: Source | None = Field(default=None, exclude_if=_is_absent)
    other: OtherResult | None = Field(default=None, exclude_if=_is_absent)
