"""What a run's journal says of its node's processes, and what each of them left at the venue, by the venue's books."""

from __future__ import annotations

import signal
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.clock import to_stamp
from opslab.contract.execution import MarketKind
from opslab.contract.left import LeftAtVenue
from opslab.contract.paper_events import NodeEnded, NodeStarted
from opslab.errors import OpsLabError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.runs.node_child import NodeChild
    from opslab.runs.paper_run import PaperRun

_OPEN = ("NEW", "PARTIALLY_FILLED")


def tell_start(run: PaperRun, number: int, pid: int, *, is_kept: bool) -> None:
    """Write that a node's strategy runs.

    Args:
        run: the node's run.
        number: which node of the run.
        pid: its process id.
        is_kept: whether its cache is kept in Redis.
    """
    database = "redis" if is_kept else None
    run.writer.append(NodeStarted(**_base(run), number=number, pid=pid, database=database))


def tell_end(run: PaperRun, number: int, child: NodeChild) -> None:
    """Write that a node's process is gone, how, and what it left at the venue.

    Args:
        run: the node's run.
        number: which node of the run.
        child: its process.
    """
    code = child.exit_code or 0
    run.writer.append(
        NodeEnded(
            **_base(run),
            number=number,
            pid=child.pid,
            how="signal" if code < 0 else "exit",
            exit_code=None if code < 0 else code,
            signal=signal.Signals(-code).name if code < 0 else None,
            sent=child.sent.name if child.sent else None,
            left=left_at_venue(run),
        )
    )


def left_at_venue(run: PaperRun) -> LeftAtVenue:
    """Return the open orders and positions of the run's account; nothing when the venue is gone too."""
    try:
        return left_of(run.venue_view(), bought_in(run))
    except OpsLabError:
        return LeftAtVenue()


def bought_in(run: PaperRun) -> dict[str, Decimal] | None:
    """Return what a spot run's account had before its node, by each base asset that is traded; of futures None."""
    if run.plan.spec.execution.market is not MarketKind.SPOT:
        return None
    return {dataset.instrument.base: run.keep.get(dataset.instrument.base, Decimal(0)) for dataset in run.plan.datasets}


def left_of(view: Mapping[str, Any], before: Mapping[str, Decimal] | None = None) -> LeftAtVenue:
    """Return what is open in a venue's view.

    Args:
        view: the venue's.
        before: of spot: what the account had before, by each base asset that is traded; more than that was bought.
    """
    if before is not None:
        totals = {row["currency"]: Decimal(row["total"]) for row in view["balances"]}
        more = {asset: totals.get(asset, Decimal(0)) - had for asset, had in before.items()}
        bought = {asset: f"{amount:f}" for asset, amount in sorted(more.items()) if amount > 0}
        return LeftAtVenue(orders=left_of(view).orders, positions=bought)
    return LeftAtVenue(
        orders=tuple(row["client_order_id"] for row in view["orders"] if row["status"] in _OPEN),
        positions={
            row["instrument"]: row["signed_quantity"]
            for row in view.get("positions", ())
            if Decimal(row["signed_quantity"])
        },
    )


def _base(run: PaperRun) -> dict[str, str]:
    return {"ts_utc": to_stamp(run.life.clock.now()), "run_id": run.life.run_id}
