"""What a flatten is about to send, written down before, so that nothing is sent twice.

Whoever comes after a killed flatten asks what became of it. One small file, replaced whole at each change: a kill
leaves the old one or the new one. The directory is locked, so that two flattens do not both close the same position.

A node that empties its own account beside them writes into the same directory, each writer a file of its own and
without the lock, which a frozen one would keep. Nobody overlooks the other all the same: each writes its intent down
first and reads those of the others then, so that of two who close at once one at least sees the other, and gives way.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from opslab.contract.encoding import pretty_json
from opslab.errors import StoreError
from opslab.store.adding import held_directory
from opslab.store.durable import STAGING_PREFIX, make_directory, write_bytes
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "intents.json"
_LOCK_SECONDS = 0.5
_KEPT = 200
"""Settled intents beyond so many are forgotten, oldest first: nothing is asked about them any more."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A closing order that was sent, or was about to be.

    Attributes:
        client_order_id: its id; no other order of the account has it.
        symbol: the venue's symbol.
        side: ``BUY`` or ``SELL``.
        position_side: of hedge mode, else ``BOTH``.
        quantity: base units, as text.
        dead_ms: after this moment of the venue's time it takes no request with this order any more, Unix ms.
        is_settled: whether its fate is known: it ended, was refused, or never came to the venue.
    """

    client_order_id: str
    symbol: str
    side: str
    position_side: str
    quantity: str
    dead_ms: int
    is_settled: bool = False

    @property
    def attempt(self) -> tuple[str, int]:
        """What names one sending of the order: one that is sent again under its id may come in later."""
        return self.client_order_id, self.dead_ms


class BusyError(StoreError):
    """Another flatten holds the log."""


class IntentLog(Protocol):
    """Where intents are written down."""

    def intents(self) -> tuple[Intent, ...]:
        """Return what was written down, oldest first."""
        ...

    def next_number(self) -> int:
        """Return a number that no intent was given yet, from 1."""
        ...

    def write(self, changed: Iterable[Intent]) -> None:
        """Write new intents down, and what became of old ones; durable when this returns.

        Raises:
            OpsLabError: it cannot be written; it is remembered all the same while this object lives.
        """
        ...

    def others(self) -> tuple[Intent, ...]:
        """Return what others who empty the same account wrote down, as it stands there now.

        Raises:
            OpsLabError: it cannot be read: nobody knows what they sent.
        """
        ...


class Remembered:
    """Intents that are kept in memory only: whoever comes after a kill does not know of them."""

    def __init__(self) -> None:
        self._intents: dict[str, Intent] = {}
        self._count = 0

    def intents(self) -> tuple[Intent, ...]:
        """Return what was written down, oldest first."""
        return tuple(self._intents.values())

    def next_number(self) -> int:
        """Return a number that no intent was given yet, from 1."""
        self._count += 1
        return self._count

    def write(self, changed: Iterable[Intent]) -> None:
        """Remember intents."""
        self._intents |= {intent.client_order_id: intent for intent in changed}

    def others(self) -> tuple[Intent, ...]:
        """Return nothing: nobody else is known."""
        return ()


class IntentFile(Remembered):
    """Intents in one file of a directory that several writers share; it begins empty, and is made when it is needed.

    Args:
        directory: one for each account that is flattened.
        name: the file's, which no other writer uses.
    """

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__()
        self._directory, self._name = directory, name

    @classmethod
    def of_node(cls, directory: Path) -> Self:
        """Return a file for one writer within a node; no other writer has its name."""
        return cls(directory, f"node-{secrets.token_hex(6)}.json")

    def write(self, changed: Iterable[Intent]) -> None:
        """Write new intents down, and what became of old ones; durable when this returns.

        Raises:
            StoreError: it cannot be written; it is remembered all the same while this object lives.
        """
        super().write(changed)
        settled = [name for name, intent in self._intents.items() if intent.is_settled]
        for name in settled[:-_KEPT]:
            del self._intents[name]
        rows = [asdict(intent) for intent in self._intents.values()]
        make_directory(self._directory)
        write_bytes(self._directory / self._name, pretty_json({"numbers": self._count, "intents": rows}))

    def others(self) -> tuple[Intent, ...]:
        """Return what stands in the other files of the directory.

        Raises:
            StoreError: one of them cannot be read.
        """
        try:
            names = sorted(path.name for path in self._directory.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StoreError(f"cannot be read: {error.strerror}", where=self._directory, fix="check rights") from error
        theirs = (name for name in names if name != self._name and not name.startswith(STAGING_PREFIX))
        return tuple(intent for name in theirs for intent in _read(self._directory / name)[1])


class FlattenLog(IntentFile):
    """Intents in a directory, held against other flattens as long as the block lasts: ``with FlattenLog(path) as log``.

    Args:
        directory: one for each account that is flattened; it is made.

    Raises:
        BusyError: on entering: another flatten is at work.
        StoreError: on entering: the file is not what this lab writes, or the directory cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, FILE)
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        make_directory(self._directory)
        with contextlib.ExitStack() as stack:
            if not stack.enter_context(held_directory(self._directory, _LOCK_SECONDS)):
                raise BusyError(
                    "another flatten is at work", where=self._directory, fix="let it end, or kill it if it hangs"
                )
            self._count, found = _read(self._directory / FILE)
            self._intents = {intent.client_order_id: intent for intent in found}
            self._held = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._held.close()


def settled(intent: Intent) -> Intent:
    """Return an intent whose fate is known."""
    return replace(intent, is_settled=True)


def _read(path: Path) -> tuple[int, list[Intent]]:
    """Return the last number of a file, and its intents; nothing where there is none.

    Raises:
        StoreError: it is not what this lab writes.
    """
    try:
        content = read_regular(path)
    except StoreError:
        if path.exists() or path.is_symlink():
            raise
        return 0, []
    try:
        found = json.loads(content)
        return _number(found["numbers"]), [_intent(row) for row in found["intents"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            "is not what a flatten writes", where=path, fix="move it away; then nothing is known of earlier closes"
        ) from error


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(value)
    return value


def _intent(row: dict[str, Any]) -> Intent:
    intent = Intent(**row)
    texts = (intent.client_order_id, intent.symbol, intent.side, intent.position_side, intent.quantity)
    if not all(isinstance(item, str) and item for item in texts) or not isinstance(intent.is_settled, bool):
        raise ValueError(row)
    _number(intent.dead_ms)
    return intent
