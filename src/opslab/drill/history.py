"""What checks read: the facts of a drill and of every run it used. Checks judge it; they never look elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.contract.metadata import Metadata, RunMetrics
    from opslab.contract.spec import RunSpec
    from opslab.data.candles import Candles
    from opslab.store.reader import Bundle


class FactMissing(LookupError):  # noqa: N818 - it makes a check's answer unknown, it is no error
    """A check asked for a fact that nobody recorded: its answer is unknown."""


@dataclass(frozen=True)
class RunHistory:
    """One run as its bundle tells it; what is broken there is told when it is asked for.

    Attributes:
        bundle: the run's files.
        find_problems: returns everything that integrity finds wrong with the bundle, one line each.
        load_candles: returns the candles of each instrument id as the datasets hold them now.
        look: of a paper run that lives, returns what venue, engine and strategy believe now; None of a stored one.
    """

    bundle: Bundle
    find_problems: Callable[[], tuple[str, ...]]
    load_candles: Callable[[], Mapping[str, Candles]]
    look: Callable[[], Mapping[str, Any]] | None = None

    @property
    def run_id(self) -> str:
        """The effective id."""
        return self.bundle.run_id

    @property
    def spec(self) -> RunSpec:
        """The run spec."""
        return self.bundle.spec

    @property
    def metadata(self) -> Metadata:
        """``metadata.json``."""
        return self.bundle.metadata

    @property
    def metrics(self) -> RunMetrics:
        """``metrics.json``."""
        return self.bundle.metrics

    @property
    def journal(self) -> tuple[dict[str, Any], ...]:
        """Every event, those after the end included."""
        return self.bundle.journal

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """The event stream: canonical order, position and account events."""
        return self.bundle.events

    @property
    def views(self) -> tuple[dict[str, Any], ...]:
        """What venue, engine and strategy believed."""
        return self.bundle.views

    @property
    def latest_views(self) -> Mapping[str, Any]:
        """What venue, engine and strategy believe now, or believed when a stored run wrote it down last, by name.

        All three are of one moment: rows of two are never judged together, nor earlier ones in place of later ones.

        Raises:
            FactMissing: the run has not all three, as a backtest, or not all three of the last moment.
        """
        if self.look is not None:
            return self.look()
        # Their words are pydantic's: whoever only collects drills does not pay for it.
        from opslab.reconcile.moments import last_of, moments_of  # noqa: PLC0415
        from opslab.reconcile.view_difference import NAMES  # noqa: PLC0415

        moments = moments_of(self.views)
        found = last_of(moments)
        if found is None:
            told = {name for moment in moments for name in moment.views}
            missing = next((name for name in NAMES if name not in told), None)
            raise FactMissing(
                f"the run has no view of the {missing}" if missing else "the run has no moment's views whole"
            )
        if found is not moments[-1]:
            raise FactMissing(f"of the run's last moment ({moments[-1].phase}) not all views were written")
        return found.views

    @property
    def event_names(self) -> tuple[str, ...]:
        """The names of the journal's events, in order."""
        return tuple(str(event["event"]) for event in self.journal)


@dataclass(frozen=True)
class History:
    """Everything that a drill knows.

    Attributes:
        runs: the runs it used, in the order in which they began.
        facts: what the drill recorded, by name.
    """

    runs: tuple[RunHistory, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> RunHistory:
        """The drill's only run.

        Raises:
            FactMissing: there is none, or more than one.
        """
        if len(self.runs) != 1:
            raise FactMissing(f"the drill has {len(self.runs)} runs, the check needs exactly one")
        return self.runs[0]

    @property
    def some_runs(self) -> tuple[RunHistory, ...]:
        """The runs, at least one.

        Raises:
            FactMissing: there is none.
        """
        if not self.runs:
            raise FactMissing("the drill has no run")
        return self.runs

    def fact(self, name: str) -> Any:
        """Return a recorded fact.

        Raises:
            FactMissing: nobody recorded it.
        """
        if name not in self.facts:
            raise FactMissing(f"no fact {name!r} was recorded")
        return self.facts[name]


class HistorySource(Protocol):
    """Where a drill gets its history from, live or stored."""

    def history(self, facts: Mapping[str, Any]) -> History:
        """Return the history as it stands, with the drill's facts."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait until something may have changed, at most ``seconds``; false when nothing ever will."""
        ...
