"""Recorded tapes: one event a line as JSON, so that a drill can write its own.

    {"at":1700000000000,"kind":"quote","symbol":"BTCUSDT","time_ms":1700000000000,"bid":"59999.9", ...}

``at`` is when the event happens, Unix milliseconds; ``kind`` is ``quote``, ``trade``, ``book``, ``delta``, ``kline`` or
``mark``; the other keys are the fields of the event, decimals as text. Every key must be there and no other.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from opslab.contract.encoding import compact_json
from opslab.errors import DataError
from opslab.store.durable import write_bytes
from opslab.venue.market import BookDelta, BookSnapshot, Kline, MarkPrice, Quote, TapeTrade
from opslab.venue.tape.scan import scanned
from opslab.venue.tape.sound import checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from opslab.venue.market import MarketEvent
    from opslab.venue.tape.tape import Tape, Timed

_KINDS: dict[str, type[Any]] = {
    "quote": Quote,
    "trade": TapeTrade,
    "book": BookSnapshot,
    "delta": BookDelta,
    "kline": Kline,
    "mark": MarkPrice,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_KEYS = {name: frozenset({"at", "kind", *kind.__struct_fields__}) for name, kind in _KINDS.items()}


def _refused(text: str) -> float:
    raise ValueError(f"decimals are text, as in {text!r:.40}")


_DECODER = msgspec.json.Decoder(float_hook=_refused)
MAX_LINE_BYTES = 1 << 20
"""Longest line that is read: a book of some ten thousand levels."""


def time_of(event: MarketEvent) -> int:
    """Return when an event happens if nothing else is said: its stamp, and of a kline its close."""
    if isinstance(event, Kline):
        return event.close_ms + 1 if event.is_closed else event.close_ms
    return event.time_ms


def tape_of(events: Sequence[MarketEvent]) -> Tape:
    """Return the tape of a few events that are held in memory, such as a drill writes them.

    Raises:
        DataError: there is none, or one is not sound (see ``sound.checked``).
    """
    return scanned(lambda: ((time_of(event), event) for event in events), "tape")


def read_tape(path: Path) -> Tape:
    """Return the tape that was recorded in ``path``.

    Raises:
        DataError: the file is missing or empty, or a line is not an event, with its number.
    """
    return scanned(lambda: _events(path), path)


def write_tape(path: Path, events: Iterable[Timed]) -> int:
    """Write events, each with its time, and return how many; nothing is written if one is not sound.

    Raises:
        DataError: there is none, or one is not sound.
        StoreError: the file cannot be written.
    """
    lines = [line_of(time_ms, event) for time_ms, event in checked(events, path)]
    if not lines:
        raise DataError("a tape without data", where=path, fix="record some events")
    write_bytes(path, "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def line_of(time_ms: int, event: MarketEvent) -> str:
    """Return an event as its line, without the newline."""
    fields = {name: _plain(getattr(event, name)) for name in event.__struct_fields__}
    return compact_json({"at": time_ms, "kind": _NAMES[type(event)], **fields})


def event_of(line: bytes, where: object) -> Timed:
    """Return the event of a line, and when it happens.

    Raises:
        DataError: the line is not one.
    """
    try:
        data = _DECODER.decode(line)
        kind = data["kind"]
        if (keys := _KEYS[kind]) != data.keys():
            odd = min(keys ^ data.keys())
            raise DataError(f"the key {odd!r:.40} is {'missing' if odd in keys else 'unknown'}", where=where)
        return msgspec.convert(data.pop("at"), int), msgspec.convert(data, _KINDS[kind])
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = f"has no known kind (there are: {', '.join(_KINDS)})" if isinstance(error, KeyError) else str(error)
        raise DataError(f"is not a recorded event: {reason}", where=where, fix="see how tapes are written") from error


def _events(path: Path) -> Iterator[Timed]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                if not line.endswith(b"\n") and len(line) == MAX_LINE_BYTES:
                    raise DataError("is too long", where=f"{path}, line {number}", fix="correct the file")
                yield event_of(line, f"{path}, line {number}")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=path, fix="name a recorded tape") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
