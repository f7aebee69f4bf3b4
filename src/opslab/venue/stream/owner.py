"""Whose a ledger event is: a user stream carries the events of one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.events import AlgoChanged, OrderChanged

if TYPE_CHECKING:
    from opslab.venue.events import LedgerEvent


def owner_of(event: LedgerEvent) -> str:
    """Return the name of the account that an event is about."""
    if isinstance(event, OrderChanged):
        return event.order.account
    if isinstance(event, AlgoChanged):
        return event.algo.account
    return event.account
