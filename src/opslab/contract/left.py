"""A venue's books when a run ends: their digest, and what is left in them."""

from __future__ import annotations

from pydantic import Field

from opslab.contract.base import Artifact, Sha256


class LeftAtVenue(Artifact):
    """What a node left at the venue when it ended, by the venue's own books.

    Attributes:
        orders: client ids of the orders that may still fill.
        positions: quantity by instrument, decimal text, negative for short; of a spot account by base asset, what was
            bought above what it had before the run.
    """

    orders: tuple[str, ...] = ()
    positions: dict[str, str] = Field(default_factory=dict)


class BooksFacts(Artifact):
    """The venue's books at the end.

    Attributes:
        ledger_sha256: digest of the ledger's log of events, as the venue computes it.
        ledger_events: events in that log.
        wire_records: records in ``wire.jsonl``.
        wire_sha256: digest of ``wire.jsonl``.
    """

    ledger_sha256: Sha256
    ledger_events: int
    wire_records: int
    wire_sha256: Sha256
