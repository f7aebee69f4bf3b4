"""Checks on market data: did anything get through the gate that should not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History


@check("data.intact")
def data_intact(history: History, _spec: RunSpec | None) -> Judgement:
    """Each dataset is what was recorded; judges the fact ``fingerprints``: name to ``{recorded, measured}``."""
    for name, pair in history.fact("fingerprints").items():
        if pair["recorded"] != pair["measured"]:
            return failed(
                "OPS-DATA-ALTERED",
                f"dataset {name} is not what was recorded",
                expected=pair["recorded"],
                observed=pair["measured"],
            )
    return passed("every fingerprint as recorded")


@check("data.quarantined")
def data_quarantined(history: History, _spec: RunSpec | None) -> Judgement:
    """Bad candles were quarantined for their own reason, and no run could use them.

    Judges the fact ``import``: ``{defect, expected_check, status, failed_checks, reasons, refused}``.
    """
    fact = history.fact("import")
    if fact["status"] != "quarantined":
        return failed("OPS-DATA-GATE-OPEN", f"candles with {fact['defect']} are {fact['status']}", observed=fact)
    if fact["expected_check"] not in fact["failed_checks"]:
        return failed(
            "OPS-DATA-WRONG-REASON",
            f"candles with {fact['defect']} were quarantined for another reason",
            expected=fact["expected_check"],
            observed=fact["failed_checks"],
        )
    if not fact["reasons"]:
        return failed("OPS-DATA-NO-REASON", "the quarantine names no rows", observed=fact)
    if not fact["refused"] or history.runs:
        return failed("OPS-DATA-REACHED-ENGINE", "a run could use quarantined candles", observed=fact)
    return passed(f"quarantined: {fact['reasons'][0]}")


@check("data.rows")
def data_rows(history: History, _spec: RunSpec | None) -> Judgement:
    """The engine went through every candle of the dataset; judges the fact ``rows`` against the run's counters."""
    rows, metrics = history.fact("rows"), history.run.metrics
    counted = (metrics.input_candles_count, metrics.bars_processed)
    if counted != (rows, rows):
        return failed("OPS-DATA-ROWS", "candles were lost on the way", expected=[rows, rows], observed=list(counted))
    return passed(f"{rows} candles, {rows} bars")
