"""One side of a comparison: what a bundle has, says and did."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opslab.contract.events import CheckSeverity
from opslab.errors import StoreError
from opslab.evidence.stream import Stream, stream_of
from opslab.store import layout

if TYPE_CHECKING:
    from opslab.contract.metadata import Metadata, RunMetrics
    from opslab.contract.spec import RunSpec
    from opslab.store.reader import Bundle

ARTIFACTS = (
    layout.RUN_SPEC,
    layout.METADATA,
    layout.JOURNAL,
    layout.METRICS,
    layout.REPORT,
    layout.READINESS,
    layout.PROBE,
)
"""The seven files of the contract whose presence is told."""

_STATUSES = tuple(str(severity) for severity in CheckSeverity)
"""Best first."""

NEEDED = (layout.METADATA, layout.METRICS, layout.JOURNAL, layout.REPORT)
"""Without one of these nothing is compared."""


@dataclass(frozen=True)
class Side:
    """One run of a comparison.

    Attributes:
        bundle: its files.
    """

    bundle: Bundle

    @cached_property
    def presence(self) -> dict[str, bool]:
        """Which of the files are there."""
        return {name: self.bundle.has(name) for name in ARTIFACTS}

    @property
    def is_whole(self) -> bool:
        """Whether everything that a comparison needs is there."""
        return all(self.presence[name] for name in NEEDED)

    @cached_property
    def run_id(self) -> str:
        """The run's id: its directory's name, which its metadata must bear.

        Raises:
            StoreError: the metadata are of another run.
        """
        if self.presence[layout.METADATA] and self.bundle.metadata.run_id != self.bundle.run_id:
            what = f"is of another run ({self.bundle.metadata.run_id!r:.60})"
            raise StoreError(what, where=self.bundle.path / layout.METADATA, fix="compare runs where they were made")
        return self.bundle.run_id

    @cached_property
    def mode(self) -> str | None:
        """How it was executed; None when nothing says so."""
        return str(self.bundle.metadata.mode) if self.presence[layout.METADATA] else None

    @property
    def metadata(self) -> Metadata:
        """``metadata.json``."""
        return self.bundle.metadata

    @property
    def metrics(self) -> RunMetrics:
        """``metrics.json``."""
        return self.bundle.metrics

    @property
    def spec(self) -> RunSpec:
        """The run spec."""
        return self.bundle.spec

    @cached_property
    def events(self) -> tuple[str, ...]:
        """The names of the journal's events, in order, once for each line."""
        if not self.presence[layout.JOURNAL]:
            return ()
        names = [event.get("event") for event in self.bundle.journal]
        chains = (self.bundle.journal_chain, self.bundle.post_chain)
        is_broken = any((chain.chained and chain.problems) or chain.torn for chain in chains)
        lines = sum(chain.head.lines for chain in chains)
        if is_broken or len(names) != lines or not all(isinstance(name, str) for name in names):
            where = self.bundle.path / layout.JOURNAL
            raise StoreError("has a line that is no event", where=where, fix="restore it from a copy")
        return tuple(str(name) for name in names)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """What decided the result, by the run's own record; empty for runs of the earlier lab."""
        found = self.metadata.inputs
        return found.to_dict() if found is not None else {}

    @cached_property
    def stream(self) -> Stream | None:
        """The event stream; None where there is none. It is read at the first use."""
        return stream_of(self.bundle)

    @cached_property
    def reconciliation(self) -> str | None:
        """What the latest reconciliation came to, the worse of both sources: files and views speak each for itself.

        A status that this version has no word for is worse than any: it is told as it stands.
        """
        if not self.bundle.has(layout.RECONCILIATION_RESULT):
            return None
        found = self.bundle.json(layout.RECONCILIATION_RESULT)
        if not isinstance(found, dict):
            return None
        told = (side.get("status") for side in (found, found.get("other")) if isinstance(side, dict))
        return max((status for status in told if isinstance(status, str)), key=_badness, default=None)


def _badness(status: str) -> int:
    return _STATUSES.index(status) if status in _STATUSES else len(_STATUSES)
