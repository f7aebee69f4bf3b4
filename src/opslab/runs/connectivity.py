"""A readiness check or a probe of a run, kept in its bundle, which is rendered again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.connectivity.keeping import keep
from opslab.runs.finish import render
from opslab.store import layout
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.contract.connectivity import ConnectivityProbeEvaluated, ConnectivityReadinessEvaluated
    from opslab.store.reader import Bundle


def kept(bundle: Bundle, told: ConnectivityReadinessEvaluated | ConnectivityProbeEvaluated, clock: Clock) -> Path:
    """Keep what came out in the run's bundle and return the file that holds it; raises as ``keep``."""
    return keep(bundle, told, clock, lambda path: render(BundleWriter(path, clock), sorted(layout.RENDERED)))
