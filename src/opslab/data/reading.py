"""Sources to rows, chunk by chunk: CSV and Parquet through pyarrow, every cell with what is wrong with it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from opslab.data.arrow import Cells
from opslab.data.arrow import kernels as pc
from opslab.data.candles import VALUES
from opslab.data.columns import Layout, LayoutError, layout_of_csv, layout_of_names
from opslab.data.numbers import Numbers, numbers_from_floats, numbers_from_text
from opslab.data.rows import Problem, SourceRows, joined
from opslab.data.stamps import Stamps, stamps_from_arrow, stamps_from_epoch, stamps_from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opslab.data.source import Progress, SourceFile

MAX_ROW_BYTES = 8 << 20
"""Longest row of a CSV; also the size of a chunk in memory."""
MAX_MALFORMED = 10_000
"""Most rows with a wrong number of cells that are remembered before the file is refused as a whole."""
MAX_ROWS = 20_000_000
"""Most candles of one source (38 years of minutes): a small file may expand to more rows than memory holds."""
_BATCH_ROWS = 1 << 16
_Verdict = Literal["skip", "error"]


class UnreadableError(Exception):
    """The file as a whole cannot be read as candles; the message says why."""


class _Watched(io.RawIOBase):
    """A file that reports how far it was read."""

    def __init__(self, source: SourceFile, progress: Progress) -> None:
        super().__init__()
        self._source, self._progress = source, progress

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._source.file.read(size)
        self._progress(self._source.size + self._source.file.tell(), 2 * self._source.size)
        return content


def csv_layout(source: SourceFile) -> Layout:
    """Return the layout of a CSV, by its first line.

    Raises:
        UnreadableError: the file is empty, the line is too long, or the columns are not those of candles.
    """
    source.file.seek(0)
    line = source.file.readline(MAX_ROW_BYTES)
    if not line.strip(b"\xef\xbb\xbf \r\n\t"):
        raise UnreadableError("the file is empty" if len(line) == source.size else "the first line is empty")
    try:
        first_line = next(csv.reader([line.decode("utf-8-sig")]))
        return layout_of_csv(first_line)
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise UnreadableError(f"the first line cannot be read: {error}") from error
    except LayoutError as error:
        raise UnreadableError(str(error)) from error


def read_csv(source: SourceFile, layout: Layout, progress: Progress) -> SourceRows:
    """Return the rows of a CSV.

    Raises:
        UnreadableError: a row is longer than ``MAX_ROW_BYTES``, or too many have a wrong number of cells.
    """
    malformed: list[tuple[int, str]] = []
    names = [str(index) for index in range(layout.columns)]
    wanted = [str(index) for index in layout.positions.values()]
    source.file.seek(0)
    watched: Any = pa.PythonFile(_Watched(source, progress), mode="r")
    try:
        reader = pa_csv.open_csv(
            watched,
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=MAX_ROW_BYTES, column_names=names, skip_rows=layout.header_rows
            ),
            parse_options=pa_csv.ParseOptions(invalid_row_handler=_noting(malformed, layout)),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        parts = list(_bounded(_rows_of_text(batch) for batch in reader))
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error) or "Could not skip" in str(error):
            raise UnreadableError("the file has a header and no candles") from error
        if "straddling" in str(error):
            raise UnreadableError(f"a row is longer than {MAX_ROW_BYTES >> 20} MiB") from error
        raise UnreadableError(f"the file is not CSV: {error}") from error
    return joined(parts, tuple(malformed))


def read_parquet_source(source: SourceFile, progress: Progress) -> tuple[Layout, Callable[[], SourceRows]]:
    """Return the layout of a Parquet file, and what reads its rows.

    Raises:
        UnreadableError: the file is not Parquet, or its columns are not those of candles.
    """
    source.file.seek(0)
    try:
        file = pq.ParquetFile(source.file)
        layout = layout_of_names(file.schema_arrow.names, "parquet")
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = "the file is empty" if source.size == 0 else f"the file is not Parquet: {error}"
        raise UnreadableError(reason) from error
    except LayoutError as error:
        raise UnreadableError(str(error)) from error

    def read() -> SourceRows:
        try:
            return joined(list(_bounded(_parquet_parts(file, layout, source, progress))), ())
        except (pa.ArrowException, OSError, ValueError) as error:
            raise UnreadableError(f"the file is damaged or its columns are not numbers: {error}") from error

    return layout, read


def _parquet_parts(
    file: pq.ParquetFile, layout: Layout, source: SourceFile, progress: Progress
) -> Iterator[SourceRows]:
    names = file.schema_arrow.names
    wanted = {role: names[index] for role, index in layout.positions.items()}
    done = 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(wanted.values())):
        stamps = _stamps(batch.column(wanted["stamp"]))
        numbers = {name: _numbers(batch.column(wanted[name])) for name in VALUES}
        yield _rows(stamps, numbers, _stamps(batch.column(wanted["close_time"])) if "close_time" in wanted else None)
        done += batch.num_rows
        progress(source.size + source.size * done // max(1, file.metadata.num_rows), 2 * source.size)


def _bounded(parts: Iterable[SourceRows]) -> Iterator[SourceRows]:
    count = 0
    for part in parts:
        count += len(part)
        if count > MAX_ROWS:
            raise UnreadableError(f"the file has more than {MAX_ROWS} rows: split it")
        yield part


def _noting(
    malformed: list[tuple[int, str]], layout: Layout
) -> Callable[[pa_csv.InvalidRow], Literal["skip", "error"]]:
    def note(row: pa_csv.InvalidRow) -> Literal["skip", "error"]:
        if len(malformed) >= MAX_MALFORMED:
            return "error"
        reason = f"the row has {row.actual_columns} cells, not {row.expected_columns}"
        malformed.append(((row.number or 0) - layout.header_rows, reason))
        return "skip"

    return note


def _rows_of_text(batch: pa.RecordBatch) -> SourceRows:
    stamps = stamps_from_text(batch.column(0))
    numbers = {name: numbers_from_text(batch.column(index)) for index, name in enumerate(VALUES, start=1)}
    behind = 1 + len(VALUES)
    return _rows(stamps, numbers, stamps_from_text(batch.column(behind)) if batch.num_columns > behind else None)


def _rows(stamps: Stamps, numbers: dict[str, Numbers], close_times: Stamps | None) -> SourceRows:
    stamp_ns, stamp_problem, zone = stamps
    return SourceRows(
        row=np.empty(len(stamp_ns), np.int64),
        stamp_ns=stamp_ns,
        stamp_problem=stamp_problem,
        zone=zone,
        values={name: value for name, (value, _) in numbers.items()},
        problems={name: problem for name, (_, problem) in numbers.items()},
        close_time_ns=close_times[0] if close_times else None,
        close_time_problem=close_times[1] if close_times else None,
    )


def _stamps(cells: Cells) -> Stamps:
    kind = cells.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return stamps_from_arrow(cells)
    if pa.types.is_integer(kind):
        empty = pc.is_null(cells).to_numpy(zero_copy_only=False)
        problem = np.where(empty, Problem.EMPTY, Problem.NONE).astype(np.uint8)
        return stamps_from_epoch(pc.fill_null(pc.cast(cells, pa.int64()), 0).to_numpy(zero_copy_only=False), problem)
    return stamps_from_text(pc.cast(cells, pa.string()))


def _numbers(cells: Cells) -> Numbers:
    if pa.types.is_floating(cells.type):
        return numbers_from_floats(cells)
    return numbers_from_text(pc.cast(cells, pa.string()))
