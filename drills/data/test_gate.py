"""Bad market data never reaches an engine."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from opslab import flip_byte
from opslab.contract.dataset import CheckStatus, InstrumentKind
from opslab.data import importing
from opslab.data.catalog import Dataset, open_dataset
from opslab.data.importing import import_file
from opslab.data.instruments import built_in
from opslab.data.prepare import prepare
from opslab.errors import DataError
from opslab.runs.plan import Plan
from opslab.samples.generator import sample_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opslab import Drill
    from opslab.root import Lab
    from opslab.store.reader import Bundle

QUARANTINE = "docs/runbooks/dataset-quarantined.md"
ALTERED = "docs/runbooks/dataset-altered.md"
SAMPLE = "btcusdt-sample"


def _cell(column: int, text: str) -> Callable[[list[list[str]], int], None]:
    def broken(rows: list[list[str]], row: int) -> None:
        rows[row][column] = text

    return broken


def _without(rows: list[list[str]], row: int) -> None:
    del rows[row]


def _twice(rows: list[list[str]], row: int) -> None:
    rows.insert(row, rows[row].copy())


def _swapped(rows: list[list[str]], row: int) -> None:
    rows[row], rows[row + 1] = rows[row + 1], rows[row]


Defect = tuple[str, "Callable[[list[list[str]], int], None]"]

READABLE: dict[str, Defect] = {
    "rows out of order": ("order", _swapped),
    "a row twice": ("duplicates", _twice),
    "a missing minute": ("gaps", _without),
    "a negative price": ("positive", _cell(3, "-1.0")),
    "a price of zero": ("positive", _cell(3, "0.0")),
    "a low above the close": ("ohlc", _cell(3, "99999999.0")),
    "a negative volume": ("volume", _cell(5, "-0.001")),
    "half a tick": ("precision", _cell(4, "43900.05")),
}
"""Defects that an engine would take without complaint: name, the check that must find it, and how to make it."""

UNREADABLE: dict[str, Defect] = {
    "a word for a price": ("schema", _cell(1, "cheap")),
    "a byte that is no text": ("encoding", _cell(1, "\udcff")),
    "a local time": ("time_zone", _cell(0, "2024-01-08T05:00:00+02:00")),
    "not a number": ("finite", _cell(4, "NaN")),
    "infinity": ("finite", _cell(2, "1e400")),
}
"""Defects of which no candle can be made at all."""


def _gate_open() -> AbstractContextManager[Any]:
    """Let every check of the gate pass: the guard removed."""
    examine = importing.examine

    def waved_through(*args: Any, **kwargs: Any) -> list[Any]:
        return [dataclasses.replace(finding, status=CheckStatus.PASSED) for finding in examine(*args, **kwargs)]

    return mock.patch.object(importing, "examine", waved_through)


@pytest.fixture
def imported(
    drill: Drill, run: Callable[..., Bundle], own_lab: Lab, tmp_path: Path
) -> Callable[[str, Defect | None, str], None]:
    """Import the sample with one defect at a row that the drill's seed picks, try to run it, and record what came."""

    def import_broken(name: str, defect: Defect | None, expected_check: str) -> None:
        header, *lines = sample_csv(SAMPLE).splitlines()[:400]
        rows = [line.split(",") for line in lines]
        if defect is not None:
            defect[1](rows, drill.random.randrange(1, len(rows) - 1))
        source = tmp_path / "broken.csv"
        text = "\n".join([header, *(",".join(row) for row in rows)]) + "\n"
        source.write_bytes(text.encode("utf-8", "surrogateescape"))
        instrument = built_in("BTCUSDT", InstrumentKind.PERPETUAL)
        record = import_file(own_lab, source, "broken", instrument=instrument, interval=60, stamp="open")
        failed = [check for check in record.checks if check.status is CheckStatus.FAILED]
        fact = {
            "defect": name,
            "expected_check": expected_check,
            "status": record.status.value,
            "failed_checks": [check.name for check in failed],
            "reasons": [found.reason for check in failed for found in check.ranges],
            "refused": _is_refused(run),
        }
        drill.record("import", fact)

    return import_broken


@pytest.mark.drill(
    "bad-candles-quarantined", rehearses=["DQ-05", "DQ-07", "MD-20"], severity="critical", runbook=QUARANTINE
)
@pytest.mark.mutant("gate-open", _gate_open)
@pytest.mark.parametrize("defect", READABLE)
def test_each_kind_of_bad_candle_is_quarantined(drill: Drill, imported: Callable[..., None], defect: str) -> None:
    """Each kind of bad candle is quarantined with its reason, and no run can use it."""
    imported(defect, READABLE[defect], READABLE[defect][0])
    drill.holds("data.quarantined")


@pytest.mark.drill(
    "unreadable-candles-quarantined", rehearses=["DQ-14", "TM-05"], severity="normal", runbook=QUARANTINE
)
@pytest.mark.mutant("nothing-is-broken")
@pytest.mark.mutant("another-reason")
@pytest.mark.parametrize("defect", UNREADABLE)
def test_candles_that_cannot_be_read_are_quarantined(drill: Drill, imported: Callable[..., None], defect: str) -> None:
    """A file of which no candle can be made ends in quarantine with its reason, not in a traceback."""
    expected = "precision" if drill.mutant == "another-reason" else UNREADABLE[defect][0]
    imported(defect, None if drill.mutant == "nothing-is-broken" else UNREADABLE[defect], expected)
    drill.holds("data.quarantined")


def _is_refused(run: Callable[..., Bundle]) -> bool:
    try:
        run({"data.dataset": "broken"}, may_fail=True)
    except DataError:
        return True
    return False


@pytest.mark.drill("dataset-byte-changed", rehearses=["DQ-13"], severity="blocker", runbook=ALTERED)
@pytest.mark.mutant("fingerprint-not-compared", lambda: mock.patch.object(Dataset, "require"))
def test_a_changed_byte_stops_the_run(drill: Drill, run: Callable[..., Bundle], own_lab: Lab) -> None:
    """A changed byte in a dataset stops the run before the engine, and the run says so."""
    prepare(own_lab, SAMPLE)
    dataset = open_dataset(own_lab, SAMPLE)
    drill.record("fingerprints", _fingerprints(dataset))
    drill.steady("data.intact")
    with drill.inject(flip_byte(dataset.path / "candles.parquet", _harmless_offset(dataset, drill))):
        run(may_fail=True)
        drill.detects("run.failed", "run.engine_not_reached")
    drill.record("fingerprints", _fingerprints(dataset))
    drill.recovers("data.intact")
    drill.holds("bundle.complete")


def _fingerprints(dataset: Dataset) -> dict[str, dict[str, str]]:
    return {dataset.name: {"recorded": dataset.fingerprint, "measured": dataset.measure()}}


def _harmless_offset(dataset: Dataset, drill: Drill) -> int:
    """Return a byte whose flip the Parquet reader does not notice, so that only the fingerprint can."""
    path = dataset.path / "candles.parquet"
    whole = path.read_bytes()
    before = dataset.load().digest()
    try:
        for _ in range(2_000):
            offset = drill.random.randrange(4, len(whole))
            flip = flip_byte(path, offset)
            flip.begin()
            try:
                if dataset.load().digest() != before:
                    return offset
            except (DataError, OSError):
                continue
            finally:
                flip.heal()
    finally:
        path.write_bytes(whole)
    raise LookupError("no byte of the sample can be changed without the Parquet reader noticing")


@pytest.mark.drill("fingerprint-enforced", rehearses=["DQ-13"], severity="critical", runbook=ALTERED)
@pytest.mark.mutant("inputs-not-required", lambda: mock.patch.object(Plan, "require_inputs"))
def test_another_dataset_than_the_spec_states_stops_the_run(drill: Drill, run: Callable[..., Bundle]) -> None:
    """A run on another dataset than its spec states stops before the engine."""
    run({"data.fingerprint": "0" * 64}, may_fail=True)
    drill.holds("run.failed", "run.engine_not_reached", "bundle.complete")
