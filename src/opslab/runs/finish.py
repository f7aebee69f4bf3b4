"""The end of every run, however it came: render from the facts, then seal. Done again, it gives the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from opslab import __version__
from opslab.connectivity import keeping as connectivity
from opslab.errors import OpsLabError
from opslab.reconcile.keeping import latest
from opslab.report.markdown import render_report
from opslab.report.metadata import render_metadata, render_metrics
from opslab.store import layout
from opslab.store.integrity import Problem, verify
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opslab.store.writer import BundleWriter

RENDERERS = {layout.METRICS: render_metrics, layout.REPORT: render_report, layout.METADATA: render_metadata}
"""The files that are pure functions of spec, journal and later facts; what says that the run has ended comes last."""


def render(writer: BundleWriter, names: Iterable[str] = tuple(RENDERERS)) -> None:
    """Write the rendered files ``names`` from the facts as they stand.

    Raises:
        StoreError: a file cannot be read or written.
    """
    bundle = Bundle(writer.path)
    for name in names:
        writer.write(name, RENDERERS[name](bundle))


def finish(writer: BundleWriter, *, recovered: bool = False) -> Bundle:
    """Render and seal a run whose terminal event is in the journal, and return its bundle.

    Args:
        writer: the run's writer.
        recovered: whether the run's own process is gone.
    """
    render(writer)
    writer.seal(recovered=recovered)
    return Bundle(writer.path)


def problems_of(bundle: Bundle) -> list[Problem]:
    """Return everything that is wrong with ``bundle``; empty when nothing changed since its end.

    Renderings are made again only if this version of the lab wrote the run: another one words them differently.
    """
    renderers: dict[str, Callable[[Bundle], bytes]] = dict(RENDERERS) if _writer_version(bundle) == __version__ else {}
    if bundle.has(layout.RECONCILIATION_RESULT) or (bundle.path / layout.RECONCILIATION).is_dir():
        renderers[layout.RECONCILIATION_RESULT] = lambda it: latest(it.path) or b""
    for name in connectivity.RENDERED:
        if bundle.has(name):
            renderers[name] = partial(_connectivity, name=name)
    return verify(bundle, renderers)


def _connectivity(bundle: Bundle, name: str) -> bytes:
    """Return what a file of readiness or probe must hold; nothing when no event tells of any."""
    return connectivity.latest(bundle, name) or b""


def _writer_version(bundle: Bundle) -> str | None:
    try:
        lab = bundle.journal_chain.events[0]["lab"]
        return str(lab["version"])
    except (OpsLabError, IndexError, KeyError, TypeError):
        return None
