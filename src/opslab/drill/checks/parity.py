"""Checks on parity: does a strategy do the same in a backtest and in a paper run of the same candles.

``opslab.evidence.deeds`` says what is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.spec import Mode
from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.drill.history import FactMissing
from opslab.evidence.deeds import deeds_of, differences

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History, RunHistory

_MOST = 20


@check("parity.same")
def parity_same(history: History, _spec: RunSpec | None) -> Judgement:
    """A strategy makes the same orders, fills and end position in backtest and paper; a difference has a cause."""
    backtest, paper = (deeds_of(_only(history, mode).events) for mode in (Mode.BACKTEST, Mode.PAPER))
    if not any(deed.fills for deed in backtest):
        return failed("OPS-PARITY-NOTHING", "the backtest filled no order, so nothing was compared")
    found = differences(backtest, paper)
    if unexplained := [item for item in found if not item.cause]:
        # The first one is what the others may follow from.
        code = "OPS-PARITY-REFUSED" if unexplained[0].kind == "refused" else "OPS-PARITY-DIFFERENT"
        more = f" (and {len(unexplained) - 1} more)" if len(unexplained) > 1 else ""
        told = [item._asdict() for item in found[:_MOST]]
        return failed(code, f"{unexplained[0]}{more}", expected=[], observed=told)
    fills = sum(len(deed.fills) for deed in paper)
    explained = f"; {len(found)} differences with a cause: {found[0]}" if found else ""
    return passed(f"{len(paper)} orders, {fills} fills{explained}")


def _only(history: History, mode: Mode) -> RunHistory:
    """Return the drill's only run in ``mode``."""
    found = [run for run in history.runs if run.spec.mode is mode]
    if len(found) != 1:
        raise FactMissing(f"the drill has {len(found)} runs in mode {mode}, the check needs exactly one")
    return found[0]
