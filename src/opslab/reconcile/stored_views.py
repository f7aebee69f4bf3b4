"""Judges again what venue, engine and strategy of a stored run believed, and what was on its wire."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from opslab.contract.execution import MarketKind
from opslab.contract.reconciliation import Subject
from opslab.errors import ContractError, OpsLabError, StoreError
from opslab.reconcile.judging import WIRE, views_result
from opslab.reconcile.moments import END, ENDS, last_of, moments_of
from opslab.reconcile.three_views import all_differences
from opslab.reconcile.view_difference import NAMES, unknown
from opslab.reconcile.wire_view import wire_differences, wire_view
from opslab.store import layout
from opslab.store.reader import open_bundle

if TYPE_CHECKING:
    from datetime import datetime

    from opslab.contract.reconciliation import ReconciliationResult
    from opslab.reconcile.moments import Moment
    from opslab.reconcile.view_difference import ViewDifference
    from opslab.root import Lab
    from opslab.store.reader import Bundle


def check_views(lab: Lab, run_id: str, now: datetime) -> ReconciliationResult:
    """Compare the last views that a run wrote down, and its wire log with the venue's final books.

    What a bundle lacks is unknown, and so is the end of a run of which no views were written at its end.

    Args:
        lab: where the runs are.
        run_id: the run.
        now: the time of the comparison, aware.

    Raises:
        IdError: ``run_id`` is unsafe.
        StoreError: there is no such run, or it wrote no views down, as a backtest.
        ContractError: a file is not what the lab writes.
        RootError: a symlink is in the way.
    """
    bundle = open_bundle(lab.runs, run_id)
    moment = _moment(bundle)
    views, inputs = dict(moment.views), (layout.LEDGER, f"{layout.VIEWS} ({moment.phase})")
    try:
        books: Any = bundle.json(layout.LEDGER) if bundle.has(layout.LEDGER) else None
        lost = _lost_on_wire(bundle, books, views)
        found = [*all_differences(views), *_absent(bundle, books, moment)]
        return views_result(run_id, inputs, (found, lost), views, now)
    except (ArithmeticError, AttributeError, KeyError, LookupError, TypeError, ValueError) as error:
        what = f"is not what the lab writes: {type(error).__name__}: {error}"
        raise ContractError(what, where=bundle.path, fix="`tc run verify` names what is broken") from error


def _moment(bundle: Bundle) -> Moment:
    moments = moments_of(bundle.views)
    if (found := last_of(moments)) is not None:
        return found
    told = {name for moment in moments for name in moment.views}
    missing = next((name for name in NAMES if name not in told), None)
    what = f"holds no view of the {missing}" if missing else "holds no moment of which all three views were written"
    raise StoreError(what, where=bundle.path / layout.VIEWS, fix="name a paper run that started to trade")


def _absent(bundle: Bundle, books: Any, moment: Moment) -> list[ViewDifference]:
    """Tell of what was not written down: the run's end, and positions where the venue has any."""
    found = []
    if moment.phase not in ENDS:
        why = f"the last views are of {moment.phase}: the run has not ended, or nobody could tell at its end"
        found.append(unknown("venue", Subject.FRESHNESS, why, "phase", END))
    if "positions" not in moment.views["venue"] and _market(bundle, books) != MarketKind.SPOT:
        found.append(unknown("venue", Subject.POSITION, "tells of no positions"))
    return found


def _market(bundle: Bundle, books: Any) -> str | None:
    """Return the market by the venue's books, else by the spec; None: nobody tells."""
    if books is not None and "market" in books:
        return str(books["market"])
    with contextlib.suppress(OpsLabError):
        return str(bundle.spec.execution.market)
    return None


def _lost_on_wire(bundle: Bundle, books: Any, views: dict[str, dict[str, Any]]) -> list[ViewDifference]:
    """Add the wire's view and return how it differs; where the run wrote no wire log or no final books is unknown."""
    if missing := [name for name in (layout.WIRE, layout.LEDGER) if not bundle.has(name)]:
        return [unknown(WIRE, Subject.FILL, f"there is no {missing[0]}")]
    account = next((row["account"] for row in views["venue"]["balances"]), None) or next(iter(books["accounts"]))
    views[WIRE] = wire_view(bundle.wire)
    return wire_differences(books, account, views[WIRE])
