"""Compares what was expected of a run with what was observed, through the check that ``tc reconcile check`` makes.

Expected is what the run's event stream says, observed what the engine's last view says: two tellings of one end.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import pretty_json
from opslab.drill.report_fields import RECONCILIATIONS
from opslab.reconcile.checking import check_files
from opslab.runs.finish import render
from opslab.samples.drills.end_state import EndState, as_input, iso_time, told_by_engine, told_by_events
from opslab.store import layout
from opslab.store.durable import make_directory, write_bytes
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab import Drill
    from opslab.clock import Clock
    from opslab.data.candles import Candles
    from opslab.root import Lab
    from opslab.store.reader import Bundle

SILENT_CANDLES = 3
ALLOWED_CANDLES = 2
_PARTS = ("position", "open_orders", "freshness")


class Comparison:
    """The files of one run's end, and what came out each time that they were compared.

    Args:
        drill: takes the results as facts.
        lab: where the run is.
        bundle: the run.
        candles: its market data: what is fresh is measured by them.
        place: a directory for the files.
        clock: the time of each check.
        fills_lost: so many of the last fills are missing from what is expected.
    """

    def __init__(
        self,
        drill: Drill,
        lab: Lab,
        bundle: Bundle,
        candles: Candles,
        place: Path,
        clock: Clock,
        *,
        fills_lost: int = 0,
    ) -> None:
        self._drill, self._lab, self._bundle, self._place, self._clock = drill, lab, bundle, place, clock
        self._end_ns, self._interval_ns = int(candles.ts_close_ns[-1]), candles.interval_ns
        self._allowed_seconds = ALLOWED_CANDLES * candles.interval_ns / 1e9
        self._results: list[dict[str, Any]] = []
        state = told_by_engine(bundle)
        drill.record("end_state", state.to_dict())
        self._expected = self._write("expected.json", self._input(told_by_events(bundle, fills_lost=fills_lost)))
        self.observed = self._input(state)

    def compare(self, case: str, wanted: list[dict[str, Any]], *, severity: str = "ok") -> None:
        """Compare ``observed`` as it is now and record what came out, beside what must come out.

        Args:
            case: what was done to ``observed``.
            wanted: the differences that must be found, and no others.
            severity: what the parts that ``wanted`` names must come out as, and the whole.
        """
        observed = self._write(f"observed.{case.replace(' ', '-')}.json", self.observed)
        checked = check_files(
            self._lab, self._bundle.run_id, self._expected, observed, self._clock, self._render_later_facts
        )
        subjects = {"order" if part == "open_orders" else part: part for part in _PARTS}
        hit = {subjects[row["subject"]] for row in wanted}
        parts = {part: severity if part in hit else "ok" for part in _PARTS}
        entry = {"case": case, "wanted": {"status": severity, "differences": wanted, **parts}}
        entry |= {"result": checked.result.to_dict(), "result_path": checked.result_path, "kept": checked.kept.name}
        self._results.append(entry)
        self._drill.record(RECONCILIATIONS, self._results)

    def silence(self) -> Altered:
        """Return the fault that no market data come any more, while time goes on."""

        def later(observed: dict[str, Any]) -> list[dict[str, Any]]:
            observed["as_of_utc"] = iso_time(self._end_ns + SILENT_CANDLES * self._interval_ns)
            stale = {"kind": "stale", "subject": "freshness", "expected": f"at most {self._allowed_seconds:g} s"}
            keys = ("expected.as_of_utc", "observed.orders_ts_utc", "observed.position_ts_utc")
            return [{**stale, "key": key} for key in keys]

        return Altered(self, f"market data silent for {SILENT_CANDLES} candles", later)

    def _input(self, state: EndState) -> dict[str, Any]:
        return as_input(
            state,
            self._bundle.run_id,
            as_of_ns=self._end_ns,
            seen_ns=self._end_ns,
            max_age_seconds=self._allowed_seconds,
        )

    def _write(self, name: str, content: dict[str, Any]) -> Path:
        make_directory(self._place)
        write_bytes(self._place / name, pretty_json(content))
        return self._place / name

    def _render_later_facts(self, bundle: Path) -> None:
        render(BundleWriter(bundle, self._clock), sorted(layout.RENDERED))


class Altered:
    """The fault that the observed side is another than the engine's view.

    Args:
        comparison: whose observed side.
        name: what the fault is called.
        change: alters it in place, and returns the differences that this makes.
    """

    def __init__(
        self, comparison: Comparison, name: str, change: Callable[[dict[str, Any]], list[dict[str, Any]]]
    ) -> None:
        self.name, self.wanted = name, list[dict[str, Any]]()
        self._comparison, self._change, self._old = comparison, change, copy.deepcopy(comparison.observed)

    @property
    def fired(self) -> bool:
        """Whether the observed side is another now."""
        return self._comparison.observed != self._old

    def begin(self) -> None:
        """Alter it."""
        self.wanted = self._change(self._comparison.observed)

    def heal(self) -> None:
        """Put the old one back."""
        self._comparison.observed = self._old
