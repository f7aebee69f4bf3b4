"""Why a paper run failed, in a line, and whether it did anything at all."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from opslab.errors import EngineError, OpsLabError, one_line

if TYPE_CHECKING:
    from opslab.contract.events import PaperCounters
    from opslab.runs.venue_host import VenueHost


def death_of(host: VenueHost) -> OpsLabError | None:
    """Return what became of a venue that is needed and gone; None while it lives."""
    try:
        host.require_alive()
    except OpsLabError as error:
        return error
    return None


def last_books(host: VenueHost) -> dict[str, Any] | None:
    """Return the books of a venue; None when it does not show them any more."""
    try:
        return host.books()
    except OpsLabError:
        return None


def end_of(host: VenueHost) -> OpsLabError | None:
    """Stop a venue, and return what its end was lacking; None when it ended well."""
    try:
        host.stop()
    except OpsLabError as error:
        return error
    return None


def reason_of(error: BaseException, venue: OpsLabError | None) -> str:
    """Return why a run failed.

    Args:
        error: what ended it.
        venue: what was wrong with its venue, which may be the cause of ``error``; None: nothing.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return f"stopped by {stopper_of(error)}"
    told = str(error) if isinstance(error, OpsLabError) else f"{type(error).__name__}: {error}"
    if venue is None or str(venue) == told:
        return one_line(told)
    if isinstance(error, OpsLabError) and error.what in venue.what:
        return str(venue)
    return one_line(f"{venue.what}; then: {told}", 800)


def stopper_of(stop: BaseException) -> str:
    """Return what stopped a run from outside: Ctrl-C, a signal by its name, or the exception's name where it was none.

    Args:
        stop: a ``SystemExit`` that a signal raised bears 128 and the signal's number, as a shell would tell it.
    """
    if isinstance(stop, KeyboardInterrupt):
        return "Ctrl-C"
    code = stop.code if isinstance(stop, SystemExit) else None
    numbers = {128 + number: number.name for number in signal.Signals}
    return numbers.get(code, type(stop).__name__) if isinstance(code, int) else type(stop).__name__


def require_something_done(counters: PaperCounters, seconds: float) -> None:
    """Refuse to call a run complete that proves nothing: no market data reached a strategy, and it sent no order.

    Raises:
        EngineError: it was so.
    """
    if counters.data_seen or counters.bars_seen or counters.orders_submitted or counters.orders_denied:
        return
    raise EngineError(
        f"the strategy was handed no market data and sent no order within {seconds:g} s",
        fix="let it subscribe in on_start, or lengthen execution.max_seconds",
    )
