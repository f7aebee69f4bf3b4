"""Real market data goes through the same doors."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opslab.contract.dataset import CheckStatus, DatasetStatus, InstrumentKind, VolumeUnit
from opslab.data.importing import import_file
from opslab.data.instruments import built_in
from opslab.data.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.contract.dataset import DatasetRecord
    from opslab.root import Lab
    from opslab.store.reader import Bundle

REAL = Path("shared/data/btc-perp-1m.csv")
"""28,859 one-minute candles of a BTC perpetual, beside the lab where it is at hand; never part of the lab."""


def _imported(lab: Lab) -> DatasetRecord:
    source = lab.root.parent / REAL
    if not source.is_file():
        return prepare(lab, "btcusdt-sample")
    # The recording has prices between the ticks of today's BTCUSDT, and counts its volume in quote currency.
    finer = {"price_precision": 3, "tick_size": Decimal("0.001")}
    instrument = built_in("BTCUSDT", InstrumentKind.PERPETUAL).model_copy(update=finer)
    return import_file(
        lab, source, "btc-perp-1m", instrument=instrument, interval=60, stamp="open", volume_unit=VolumeUnit.QUOTE
    )


@pytest.mark.drill(
    "real-candles", rehearses=["DQ-01", "DQ-02"], severity="normal", runbook="docs/runbooks/fill-on-same-bar.md"
)
@pytest.mark.mutant("fills-at-same-close")
def test_real_candles_run_to_the_end(drill: Drill, run: Callable[..., Bundle], own_lab: Lab) -> None:
    """Real candles pass the gate, and a run over all of them leaves the same evidence (else the synthetic sample)."""
    record = _imported(own_lab)
    assert record.status is DatasetStatus.CANONICAL, [
        check for check in record.checks if check.status is CheckStatus.FAILED
    ]
    drill.record("rows", record.rows)
    fill = "same_close" if drill.mutant else "next_open"
    run({"data.dataset": record.dataset, "strategy.params": {"every": 60}, "execution.fill": fill})
    drill.holds("run.completed", "data.rows", "bundle.complete", "bundle.evidence", "fills.some", "fills.next_open")
