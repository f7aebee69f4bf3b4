"""The ledger's digest: SHA-256 over the canonical JSON of its log, one line an event."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import compact_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.venue.events import LedgerEvent


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def plain(value: Any) -> Any:
    """Return a value of the venue as JSON types: decimals as text without exponent or trailing zeros."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return {name: plain(getattr(value, name)) for name in _names(value.__class__)}


def line(event: LedgerEvent) -> str:
    """Return the canonical JSON of an event."""
    return compact_json({"event": type(event).__name__, **plain(event)})


class Digest:
    """Hashes a growing log; each event once."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._count = 0

    def of(self, log: Sequence[LedgerEvent]) -> str:
        """Return the digest of the log as it stands, in lower-case hexadecimal."""
        for event in log[self._count :]:
            self._hash.update(line(event).encode() + b"\n")
        self._count = len(log)
        return self._hash.hexdigest()
