"""Are the names in a spec known here: strategy, venue and instrument. Looks at registrations and records only."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from opslab.contract.dataset import DatasetRecord, InstrumentKind
from opslab.contract.spec import Mode
from opslab.data.catalog import list_records
from opslab.data.instruments import VENUE, known_symbols
from opslab.errors import SpecError
from opslab.runs.plan import PAPER_VENUES

if TYPE_CHECKING:
    from opslab.contract.spec_file import SpecFile
    from opslab.engine.registry import StrategyRegistry
    from opslab.root import Lab


def require_known_names(lab: Lab, spec_file: SpecFile, registry: StrategyRegistry) -> None:
    """Refuse a spec that names something nobody has registered, built in or imported.

    A strategy that only a ``conftest.py`` registers is known to pytest, not to ``tc``: offer it as an entry point.

    Raises:
        SpecError: naming the line, and what is known.
    """
    spec = spec_file.spec
    _require(spec_file, ("strategy", "name"), spec.strategy.name, registry.names())
    imported = {
        (record.instrument.venue, record.instrument.symbol)
        for _, record in list_records(lab)
        if isinstance(record, DatasetRecord)
    }
    built_in = {(VENUE, symbol) for kind in InstrumentKind for symbol in known_symbols(kind)}
    venues = {venue for venue, _ in imported | built_in} | (set(PAPER_VENUES) if spec.mode is Mode.PAPER else set())
    _require(spec_file, ("venue",), spec.venue, sorted(venues))
    _require(spec_file, ("instrument",), spec.instrument, sorted({symbol for _, symbol in imported | built_in}))


def _require(spec_file: SpecFile, path: tuple[str, ...], name: str, known: tuple[str, ...] | list[str]) -> None:
    folded = {item.casefold(): item for item in known}
    if name.casefold() in folded:
        return
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    meant = f"did you mean {folded[near[0]]!r}? " if near else ""
    raise SpecError(
        f"unknown {' '.join(path)} {name!r:.80}",
        where=f"{spec_file.path}:{spec_file.lines.get(path, 1)}",
        fix=f"{meant}known: {', '.join(known)}",
    )
