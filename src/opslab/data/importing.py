"""Import: a file becomes a canonical dataset, or a quarantined one with the reason for every row range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from opslab.clock import SystemClock, to_stamp
from opslab.contract.dataset import CheckStatus, Instrument, Source, Stamp, VolumeUnit
from opslab.data.candles import VALUES, Candles
from opslab.data.columns import Layout, settled_stamp
from opslab.data.gate import Finding, Rules, examine, refused
from opslab.data.install import install_canonical, install_quarantined
from opslab.data.layout import checked_name
from opslab.data.reading import UnreadableError, csv_layout, read_csv, read_parquet_source
from opslab.data.source import Progress, SourceFile, opened, scan
from opslab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.contract.dataset import DatasetRecord
    from opslab.data.rows import SourceRows
    from opslab.root import Lab

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_MAX_INTERVAL_SECONDS = 5 * 604_800
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class _Examined:
    """What reading and judging a source gave."""

    findings: list[Finding]
    format: str
    rows: SourceRows | None
    stamp: Stamp | None


def parse_interval(text: str) -> int:
    """Return the seconds of an interval such as ``15s``, ``1m``, ``4h``, ``1d`` or ``1w``.

    Raises:
        DataError: it is anything else, 0, or longer than 5 weeks.
    """
    match = re.fullmatch(r"([0-9]{1,7})([smhdw])", text.strip(), re.ASCII)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= _MAX_INTERVAL_SECONDS:
        raise DataError(
            f"interval {text!r:.40} is not a candle length", fix="write a number and s, m, h, d or w: 1m, 4h, 1d"
        )
    return seconds


def import_file(  # noqa: PLR0913 - every keyword is a fact about the source that only the caller knows
    lab: Lab,
    source: Path,
    dataset: str,
    *,
    instrument: Instrument,
    interval: int,
    stamp: Stamp | str | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
    volume_unit: VolumeUnit = VolumeUnit.BASE,
    gaps_allowed: bool = False,
    synthetic: bool = False,
) -> DatasetRecord:
    """Read ``source``, judge it and install it as dataset ``dataset``, canonical or quarantined.

    Args:
        lab: the lab whose data root is written.
        source: a CSV or Parquet file.
        dataset: the name to install it under.
        instrument: what is traded.
        interval: length of a candle in seconds.
        stamp: which end of the candle the source's times are; None where the format says so.
        replace: whether other content under this name may become a new version.
        progress: told how many bytes of how many were worked through.
        clock: gives the time of the record.
        volume_unit: what the volume counts.
        gaps_allowed: whether missing candles are flagged instead of failed.
        synthetic: whether the market data was made up.

    Returns:
        The record; its ``status`` says whether the dataset may be used. The same content again returns the record
        that is there.

    Raises:
        DataError: the name is unsafe, the source is no regular file, nothing says what its times are, or the name
            has other content and ``replace`` is false.
        StoreError: the data root cannot be written.
    """
    name, report = checked_name(dataset), progress or _silent
    rules = Rules(instrument, interval * _SECOND_NS, volume_unit, gaps_allowed)
    asked = Stamp(stamp) if stamp is not None else None
    with opened(source) as file:
        examined, source_facts = _taken_in(file, rules, asked, report)
        facts = _facts(name, examined, rules, synthetic=synthetic) | {"source": source_facts}
        if any(finding.status is CheckStatus.FAILED for finding in examined.findings):
            return install_quarantined(lab, facts, examined.findings, file, clock=clock or SystemClock())
    candles = to_candles(examined.rows, examined.stamp, rules)
    facts |= {
        "rows": len(candles),
        "first_close_utc": _utc(candles.ts_close_ns[0]),
        "last_close_utc": _utc(candles.ts_close_ns[-1]),
    }
    return install_canonical(lab, facts, candles, replace=replace, clock=clock or SystemClock())


def to_candles(rows: SourceRows | None, stamp: Stamp | None, rules: Rules) -> Candles:
    """Return rows that passed the gate as candles stamped by their close."""
    if rows is None or stamp is None:
        raise DataError("there are no candles to install", fix="see the checks that failed")
    shift = rules.interval_ns if stamp is Stamp.OPEN else 0
    values = {name: np.ascontiguousarray(rows.values[name]) for name in VALUES}
    close_ns = (rows.stamp_ns + shift).astype(np.uint64)
    return Candles(ts_close_ns=close_ns, **values, interval_ns=rules.interval_ns, volume_unit=rules.volume_unit)


def _taken_in(file: SourceFile, rules: Rules, asked: Stamp | None, report: Progress) -> tuple[_Examined, Source]:
    """Read and judge a source, and return what came of it with what the record says of the file."""
    is_parquet = file.is_parquet
    scanned = scan(file, report, text=not is_parquet)
    if scanned.bad_line is None:
        examined = _examined(file, rules, asked, report, is_parquet=is_parquet)
    else:
        reason = f"line {scanned.bad_line} {scanned.reason}"
        examined = _Examined(refused("encoding", reason, _row_of(file, scanned.bad_line)), "unreadable", None, None)
    rows = 0 if examined.rows is None else len(examined.rows) + len(examined.rows.malformed)
    name, size = file.path.name, file.size
    return examined, Source(name=name, sha256=scanned.sha256, size_bytes=size, format=examined.format, rows=rows)


def _examined(file: SourceFile, rules: Rules, asked: Stamp | None, report: Progress, *, is_parquet: bool) -> _Examined:
    layout: Layout | None = None
    try:
        if is_parquet:
            layout, read = read_parquet_source(file, report)
        else:
            layout = csv_layout(file)
            read = _csv_reader(file, layout, report)
        stamp = settled_stamp(layout, asked, file.path)
        rows = read()
    except UnreadableError as error:
        return _Examined(refused("schema", str(error)), layout.format if layout else "unreadable", None, asked)
    return _Examined(examine(rows, rules), layout.format, rows, stamp)


def _csv_reader(file: SourceFile, layout: Layout, report: Progress) -> Callable[[], SourceRows]:
    return lambda: read_csv(file, layout, report)


def _facts(name: str, examined: _Examined, rules: Rules, *, synthetic: bool) -> dict[str, Any]:
    return {
        "dataset": name,
        "synthetic": synthetic,
        "stamp": examined.stamp,
        "interval_seconds": rules.interval_ns // _SECOND_NS,
        "volume_unit": rules.volume_unit,
        "gaps_allowed": rules.gaps_allowed,
        "rows": 0,
        "checks": tuple(finding.result() for finding in examined.findings),
        "instrument": rules.instrument,
    }


def _row_of(file: SourceFile, line: int) -> int:
    """Return the row that a line is, counting a header only when the first line can be read as one."""
    try:
        header_rows = csv_layout(file).header_rows
    except UnreadableError:
        return 0
    return max(0, line - header_rows)


def _utc(stamp_ns: np.uint64) -> str:
    seconds, rest = divmod(int(stamp_ns), _SECOND_NS)
    return to_stamp(datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // 1_000))


def _silent(_done: int, _total: int) -> None:
    return None
