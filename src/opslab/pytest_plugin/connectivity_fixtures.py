"""The fixtures that ask about connections. Their docstrings are what ``pytest --fixtures`` shows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from opslab.pytest_plugin.keys import REHEARSAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab.contract.connectivity import ConnectivityProbeEvaluated, ConnectivityReadinessEvaluated
    from opslab.runs.rehearsal import Rehearsal


@pytest.fixture
def readiness(request: pytest.FixtureRequest) -> Callable[[], ConnectivityReadinessEvaluated]:
    """Ask whether the credentials that the spec of the drill's last run names are set, and record it under that run.

    ``told = readiness()``; ``told.state`` is ``configured``, ``missing_credentials`` or ``disabled``.
    """
    rehearsal = _rehearsal(request)

    def asked() -> ConnectivityReadinessEvaluated:
        from opslab.connectivity.readiness import evaluated
        from opslab.runs.connectivity import kept
        from opslab.store.reader import Bundle

        bundle = Bundle(_last_run(rehearsal))
        told = evaluated(bundle.spec, bundle.run_id, os.environ, rehearsal.clock.now())
        kept(bundle, told, rehearsal.clock)
        return told

    return asked


@pytest.fixture
def probe(request: pytest.FixtureRequest) -> Callable[..., ConnectivityProbeEvaluated]:
    """Send one GET to a server on this machine and record how it went under the drill's last run.

    ``told = probe("http://127.0.0.1:8000/health", timeout_ms=500)``; ``told.state`` is ``probe_ok`` or says what
    happened. A URL that leads elsewhere is refused with a ``SpecError``.
    """
    rehearsal = _rehearsal(request)

    def sent(url: str, *, timeout_ms: int = 1_000) -> ConnectivityProbeEvaluated:
        from opslab.connectivity.probe import probed
        from opslab.connectivity.url import checked_url
        from opslab.runs.connectivity import kept
        from opslab.store.reader import Bundle

        target, bundle = checked_url(url), Bundle(_last_run(rehearsal))
        told = probed(target, bundle.run_id, timeout_ms, rehearsal.clock)
        kept(bundle, told, rehearsal.clock)
        return told

    return sent


def _rehearsal(request: pytest.FixtureRequest) -> Rehearsal:
    if REHEARSAL not in request.node.stash:
        name = request.fixturename
        raise pytest.UsageError(f"{request.node.nodeid} uses the fixture {name}: mark it with @pytest.mark.drill(slug)")
    found: Rehearsal = request.node.stash[REHEARSAL]
    return found


def _last_run(rehearsal: Rehearsal) -> Path:
    from opslab.errors import DrillError

    if not rehearsal.bundles:
        raise DrillError("the drill has no run to record it under", fix="use the fixture run, bundle or paper first")
    return rehearsal.bundles[-1]
