"""Reads a run's event stream once, line by line: its digest, and the orders of its strategy."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from opslab.errors import StoreError
from opslab.evidence.deeds import Deed, add, begun, positions_of
from opslab.evidence.told import Teller
from opslab.root import confined
from opslab.store import layout
from opslab.store.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opslab.store.reader import Bundle

MAX_LINE_BYTES = 1 << 22


class OrderLine(msgspec.Struct, frozen=True, gc=False):
    """What is read of a line: the fields of order events; everything else is skipped unread."""

    type: str
    client_order_id: str | None = None
    instrument_id: str | None = None
    order_side: str | None = None
    order_type: str | None = None
    quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None
    time_in_force: str | None = None
    reduce_only: bool | None = None
    post_only: bool | None = None
    options: dict[str, Any] | None = None
    last_qty: str | None = None
    last_px: str | None = None
    reason: str | None = None
    ts_event: int | None = None
    ts_init: int | None = None

    def get(self, name: str, /) -> Any:
        """Return a field as a mapping would; None for one that the line has not."""
        return getattr(self, name, None)

    def __getitem__(self, name: str, /) -> Any:
        """Return a field that must be there.

        Raises:
            KeyError: the line has it not.
        """
        if (found := getattr(self, name, None)) is None:
            raise KeyError(name)
        return found


@dataclass(frozen=True)
class Stream:
    """What one event stream holds.

    Attributes:
        events: its lines.
        sha256: its digest.
        deeds: the orders in the order in which they were made.
    """

    events: int
    sha256: str
    deeds: list[Deed]

    @property
    def fills(self) -> int:
        """Fills of all orders."""
        return sum(len(deed.fills) for deed in self.deeds)

    @property
    def positions(self) -> dict[str, str]:
        """What the fills add up to, as text by symbol."""
        return {symbol: f"{amount:f}" for symbol, amount in positions_of(self.deeds).items()}


def stream_of(bundle: Bundle) -> Stream | None:
    """Return a bundle's event stream; None when it has none, and its record names none.

    Raises:
        StoreError: it is named and missing, it cannot be read, a line is no event, or it is not the stream that the
            journal names.
        RootError: it is a symlink.
    """
    if not bundle.has(layout.EVENTS):
        if bundle.metadata.event_stream is None and not any(it.get("event_stream") for it in bundle.journal):
            return None
        where = bundle.path / layout.EVENTS
        raise StoreError("is missing, and the run's record names it", where=where, fix="restore it from a copy")
    path = confined(bundle.path, layout.EVENTS)
    digest, number = hashlib.sha256(), 0
    deeds: dict[str, Deed] = {}
    teller = Teller()
    for number, line in enumerate(_lines(path), 1):
        digest.update(line)
        try:
            _take(deeds, teller, number, line)
        except (msgspec.MsgspecError, KeyError, ArithmeticError, ValueError) as error:
            what = f"line {number} is not an event: {error}"
            raise StoreError(what, where=path, fix="restore it from a copy") from error
    stated = bundle.metadata.event_stream
    if stated is not None and stated.sha256 != digest.hexdigest():
        what = "is not the event stream that the journal names"
        raise StoreError(what, where=path, fix="`tc run verify` names what is broken; restore it from a copy")
    return Stream(number, digest.hexdigest(), list(deeds.values()))


_DECODER = msgspec.json.Decoder(OrderLine)


def _take(deeds: dict[str, Deed], teller: Teller, number: int, line: bytes) -> None:
    event = _DECODER.decode(line)
    name = event.client_order_id
    if name is None:
        return
    if event.type == "OrderInitialized":
        deeds[name] = deed = begun(event)
        teller.made(deed, name, len(deeds), number)
    elif (found := deeds.get(name)) is not None:
        add(found, event.type, event)
        teller.heard(found, name, event, number)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            while line := file.readline(MAX_LINE_BYTES):
                if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                    raise StoreError("has a line without end", where=path, fix="restore it from a copy")
                yield line
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror}", where=path, fix="check rights") from error
