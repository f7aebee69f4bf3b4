"""The run spec of a drill about a run: its market data, by fingerprint, and its seed; the strategy is the drill's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from opslab.contract.execution import FINGERPRINT_NOT_STATED

if TYPE_CHECKING:
    from opslab.contract.dataset import Instrument
    from opslab.store.reader import Bundle

STRATEGY = "ops_round_trip"
"""What a drill trades with: it leaves positions and orders that can be judged, whatever the run itself did."""


def spec_of_run(bundle: Bundle, instrument: Instrument, every: int) -> bytes:
    """Return the spec as YAML.

    Args:
        bundle: the run; of several datasets the first is taken. The fingerprint that it recorded is stated, so that
            data which changed since are refused.
        instrument: what the dataset is of.
        every: bars between two steps of the strategy.
    """
    spec, inputs = bundle.spec, bundle.metadata.inputs
    fingerprint = inputs.datasets[0].fingerprint if inputs and inputs.datasets else FINGERPRINT_NOT_STATED
    content = {
        "spec_version": "v1",
        "run_id": bundle.run_id,
        "mode": "backtest",
        "engine": "nautilus",
        "venue": instrument.venue,
        "instrument": instrument.symbol,
        "strategy": {"name": STRATEGY, "version": "0.1.0", "params": {"every": every}},
        "data": {"dataset": spec.data.dataset, "fingerprint": fingerprint},
        "risk": {"profile": "drill"},
        "observability": {"journal": True, "metrics": True, "report": True},
        "seed": spec.seed,
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()
