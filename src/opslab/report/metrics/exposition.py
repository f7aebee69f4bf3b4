"""Writes samples in the Prometheus text format 0.0.4 and in OpenMetrics 1.0.

The contract fixes what prometheus_client's own writer does otherwise: labels stand in the order of the catalogue (it
sorts them), and whole numbers are written without a fraction (it writes ``1.0``). Sample lines are the same in both
formats, so each run's are written once and kept; a page is only put together from them.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from opslab.errors import one_line
from opslab.report.metrics.catalogue import FAMILIES, INDEX
from opslab.report.metrics.family import Kind, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opslab.report.metrics.family import Family
    from opslab.report.metrics.values import Sample

MAX_LABEL = 200
"""Longer values that a file names are cut, and marked with their digest."""
MAX_COMMENTS = 100
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
MAX_JOINED = 16 << 20
"""A page up to this size is kept in one piece; beyond it the pieces that runs share stay shared."""
_PIECE = 4096


class Format(Enum):
    """A format that a scrape can ask for, with its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def label(value: str | None) -> str:
    """Return ``value`` as a label may hold it: valid UTF-8 of bounded length, ``unknown`` when there is none."""
    if not value:
        return "unknown"
    if len(value) > MAX_LABEL:
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        value = f"{value[: MAX_LABEL - 17]}~{digest[:16]}"
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def number(value: float) -> str:
    """Return ``value`` with every digit: whole numbers plain, others in the shortest form that reads back the same."""
    if isinstance(value, int):
        return str(int(value))
    return str(int(value)) if value.is_integer() else repr(value)


def _pairs(names: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=False))


_SCOPES = (Scope.LAB, Scope.RUN, Scope.CORE)
_STARTS = tuple(f"{family.name}{{" if family.labels else family.name for family in FAMILIES)
_PREFIXES = tuple(_SCOPES.index(family.scope) for family in FAMILIES)


@dataclass(frozen=True, slots=True)
class Block:
    """The sample lines of one run, or of the lab, without what they share.

    Attributes:
        prefixes: the label text that a line of each scope begins with.
        places: each sample's family, as its place in the catalogue.
        ends: each sample's line after the prefix.
    """

    prefixes: tuple[bytes, bytes, bytes]
    places: bytes
    ends: tuple[bytes, ...]


def block_of(samples: Iterable[Sample], core: Sequence[str] = ()) -> Block:
    """Return the lines of ``samples``; of two with the same name and labels, which no page may have, the last stays.

    Args:
        samples: of one run, or of the lab.
        core: the run's values of the labels of ``Scope.CORE``.
    """
    ends: dict[tuple[int, str], str] = {}
    for family, value, labels in samples:
        comma = "," if labels and family.scope is not Scope.LAB else ""
        brace = "}" if family.labels else ""
        ends[INDEX[family], f"{comma}{_pairs(family.extra, labels)}{brace}"] = number(value)
    rows = sorted(ends.items(), key=lambda row: row[0][0])
    return Block(
        prefixes=(b"", _pairs(Scope.RUN.value, core).encode(), _pairs(Scope.CORE.value, core).encode()),
        places=bytes(place for (place, _), _ in rows),
        ends=tuple(f"{labels} {value}\n".encode() for (_, labels), value in rows),
    )


@dataclass(frozen=True, slots=True)
class Page:
    """Sample lines of any number of blocks, gathered by family; nothing in it changes.

    Attributes:
        columns: for each family of the catalogue the pieces of its lines.
        size: bytes in all.
    """

    columns: tuple[Sequence[bytes], ...]
    size: int


def page_of(blocks: Iterable[Block]) -> Page:
    """Return the lines of ``blocks``, which keep their order within each family."""
    starts = [start.encode() for start in _STARTS]
    columns: list[list[bytes]] = [[] for _ in FAMILIES]
    for block in blocks:
        prefixes = block.prefixes
        for place, end in zip(block.places, block.ends, strict=True):
            columns[place] += (starts[place], prefixes[_PREFIXES[place]], end)
    size = sum(sum(map(len, column)) for column in columns)
    if size <= MAX_JOINED:
        return Page(tuple((b"".join(column),) if column else () for column in columns), size)
    return Page(tuple(columns), size)


@dataclass(frozen=True, slots=True)
class Document:
    """A page as it is sent.

    Attributes:
        size: bytes in all, for Content-Length.
    """

    size: int
    _parts: tuple[Sequence[bytes], ...]

    def pieces(self) -> Iterator[bytes]:
        """Yield the content; what is large is put together piece by piece, not all at once."""
        for part in self._parts:
            for begin in range(0, len(part), _PIECE):
                yield b"".join(part[begin : begin + _PIECE])

    def content(self) -> bytes:
        """Return all of it."""
        return b"".join(self.pieces())


def document(pages: Sequence[Page], form: Format, comments: Sequence[str] = ()) -> Document:
    """Return ``pages`` under the HELP and TYPE of each family.

    Args:
        pages: which together hold no sample twice.
        form: the format; only the text format has room for comments.
        comments: each becomes one line; those beyond ``MAX_COMMENTS`` are only counted.
    """
    heads, parts = 0, []
    for place, family in enumerate(FAMILIES):
        columns = [page.columns[place] for page in pages if page.columns[place]]
        if columns:
            head = _head(family, form)
            heads += len(head)
            parts += [(head,), *columns]
    last = b"# EOF\n" if form is Format.OPENMETRICS else b"".join(_remarks(comments))
    return Document(heads + sum(page.size for page in pages) + len(last), (*parts, (last,)))


def _remarks(comments: Sequence[str]) -> Iterator[bytes]:
    for comment in comments[:MAX_COMMENTS]:
        yield f"# {one_line(comment)}\n".encode()
    if len(comments) > MAX_COMMENTS:
        yield f"# and {len(comments) - MAX_COMMENTS} more\n".encode()


_NAMES = frozenset(family.name for family in FAMILIES)


@functools.cache
def _head(family: Family, form: Format) -> bytes:
    """Return a family's HELP and TYPE; in OpenMetrics the family's name lacks the suffix that its type implies."""
    name, kind, unit = family.name, family.kind.value, ""
    if form is Format.TEXT:
        kind = "gauge" if family.kind is Kind.INFO else kind
    elif family.kind is not Kind.GAUGE:
        stem = name.removesuffix("_info").removesuffix("_total")
        # Two families must not share a name, so a counter whose stem is taken keeps its own and tells no type.
        name, kind = (name, "unknown") if stem in _NAMES else (stem, kind)
    if form is Format.OPENMETRICS and family.unit and name.endswith(f"_{family.unit}"):
        unit = f"# UNIT {name} {family.unit}\n"
    text = family.help.replace("\\", r"\\")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{unit}".encode()
