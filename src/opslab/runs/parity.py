"""A paper run that can be compared with a backtest of the same candles which fills at the next open.

The market stands still at each open until the node has worked off the bar before it and its orders are at the venue.
So the candles decide what happens, and not how fast the machine is. ``venue.tape.parity`` says what is played when.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.errors import CheckFailed, EngineError, SpecError
from opslab.reconcile.three_views import differences
from opslab.runs.living import FAILED, begun_in_thread
from opslab.runs.rehearsal import prepare_samples
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import ThreadHost, venue_plan
from opslab.venue.orders import Market
from opslab.venue.tape.candles import CandleSettings, candle_tape
from opslab.venue.tape.marks import with_marks
from opslab.venue.tape.parity import OpenReached

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab
    from opslab.runs.paper_run import PaperRun
    from opslab.runs.plan import Plan
    from opslab.runs.rehearsal import Rehearsal
    from opslab.store.reader import Bundle
    from opslab.venue.venue import Venue

CANDLE_SECONDS = 10.0
"""The longest that a node may take to work off one bar and bring its orders to the venue."""

LEVEL_SIZE = Decimal(10_000)
"""Base units at the touch: more than an order of a rehearsal takes, so that it fills at one price."""

_IN_FLIGHT = frozenset({"INITIALIZED", "SUBMITTED", "PENDING_UPDATE", "PENDING_CANCEL"})


def run_stepped(
    rehearsal: Rehearsal,
    spec_file: SpecFile,
    changes: Mapping[str, Any] | None = None,
    *,
    balances: Mapping[str, Decimal] | None = None,
) -> Bundle:
    """Run a spec as a paper run, candle by candle to the end of its dataset, and return the sealed bundle.

    Args:
        rehearsal: the drill's; it counts the run as its own.
        spec_file: the spec; its mode may be ``backtest``, so that one spec serves both sides.
        changes: what else to change, by dotted key.
        balances: what the account has besides the spec's starting balance, by currency.

    Raises:
        CheckFailed: the gate blocks the run, or it failed; it is recorded as that.
        SpecError: the changed spec is none, or it names more than one dataset.
        OpsLabError: as ``begin_paper``.
    """
    chosen = edited(spec_file, {**(changes or {}), "mode": "paper"})
    if chosen.spec.execution.more_data:
        raise SpecError("a stepped run plays one dataset", where=spec_file.path, fix="remove execution.more_data")
    prepare_samples(rehearsal.lab, chosen.spec)
    begun, host = begun_in_thread(
        rehearsal, chosen, lambda plan, lab, wire_path: stepped_host(plan, lab, wire_path, balances or {})
    )
    bundle = rehearsal.adopt(_played(begun, host))
    if error := bundle.metadata.error:
        raise CheckFailed(f"{FAILED}: run {bundle.run_id} failed: {error}", (FAILED,))
    return bundle


def stepped_host(plan: Plan, lab: Lab, wire_path: Path, balances: Mapping[str, Decimal]) -> ThreadHost:
    """Return a venue in a thread whose tape is held, and whose market is as a backtest has it: one price at a time.

    Bid and ask are one price and nobody else waits in the book, so that an order fills when the price is reached, as a
    backtest on bars has it.
    """
    setup = venue_plan(plan, lab, wire_path).setup(lab)
    instrument = setup.listings[0].instrument
    settings = CandleSettings(spread_ticks=0, levels=1, level_size=LEVEL_SIZE, seed=plan.spec.seed)
    tape = candle_tape(instrument, plan.datasets[0].load(), settings)
    accounts = tuple(replace(account, balances={**account.balances, **balances}) for account in setup.accounts)
    tape = with_marks(tape) if setup.market is Market.FUTURES else tape
    return ThreadHost(replace(setup, accounts=accounts, tape=tape, is_held=True, is_opened=False))


def _played(run: PaperRun, host: ThreadHost) -> Bundle:
    """Play every candle and complete the run; one that goes wrong is recorded as failed."""
    with run:
        try:
            run.start()
            _play(run, host, run.plan.datasets[0].record.rows)
            return run.complete("tape")
        except Exception as error:  # noqa: BLE001 - whatever ended it, the run gets its end
            return run.fail(error)


def _play(run: PaperRun, host: ThreadHost, candles: int) -> None:
    symbol = run.plan.datasets[0].instrument.symbol
    run.node.strategy.msgbus.subscribe(topic="data.bars.*", handler=lambda _: run.node.notify())
    if not run.node.pump_until(lambda: host.venue.call(lambda venue: _listens(venue, symbol)), CANDLE_SECONDS):
        raise EngineError("the strategy subscribed to no bars", where=run.life.run_id, fix="subscribe in on_start")
    for bars in range(1, candles + 1):
        host.venue.call(lambda venue: _step(venue, symbol))
        if not run.node.pump_until(lambda bars=bars: _is_worked_off(run, bars), CANDLE_SECONDS):  # type: ignore[misc]
            what = f"bar {bars} was not worked off within {CANDLE_SECONDS:g} s"
            raise EngineError(what, where=run.life.run_id, fix="look at the wire log and the views of the bundle")
        run.node.require_trading()


def _listens(venue: Venue, symbol: str) -> bool:
    """Whether an open socket takes the symbol's candles; runs on the venue's loop."""
    wanted = f"{symbol.lower()}@kline_"
    return any(
        stream.startswith(wanted)
        for connection in venue.hub.connections.values()
        for stream in connection.subscriptions.streams
    )


def _step(venue: Venue, symbol: str) -> None:
    if venue.player is not None:
        venue.player.step_until(OpenReached(symbol))


def _is_worked_off(run: PaperRun, bars: int) -> bool:
    """Whether the strategy was handed so many bars, and what it then sent is at the venue and known to all."""
    if run.node.counters().bars_seen < bars:
        return False
    views = run.views()
    return not any(row["status"] in _IN_FLIGHT for row in views["engine"]["orders"]) and not differences(views)
