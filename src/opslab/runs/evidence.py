"""Compares two runs and writes what comes out: one directory for each pair, JSON first, then its rendering."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from opslab.contract.encoding import pretty_json
from opslab.data.catalog import open_dataset
from opslab.errors import DataError, StoreError
from opslab.evidence.comparison import compare
from opslab.evidence.market import Candlesticks, Market
from opslab.ids import checked_id
from opslab.report.evidence import render_evidence
from opslab.root import confined
from opslab.runs.finish import problems_of
from opslab.store import layout
from opslab.store.durable import make_directory, write_bytes
from opslab.venue.tape.candles import DEFAULT as BOOK

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.contract.evidence import Evidence
    from opslab.root import Lab
    from opslab.store.reader import Bundle

JSON = "backtest_vs_paper_evidence.json"
PAGE = "backtest_vs_paper_evidence.md"


@dataclass(frozen=True)
class KeptEvidence:
    """A comparison that was written.

    Attributes:
        found: what came out.
        directory: where it lies.
    """

    found: Evidence
    directory: Path

    @property
    def json(self) -> Path:
        """The comparison."""
        return self.directory / JSON

    @property
    def page(self) -> Path:
        """Its rendering for people."""
        return self.directory / PAGE


def compare_runs(
    runs: Path, evidence: Path, backtest_run_id: str, paper_run_id: str, clock: Clock, lab: Lab | None = None
) -> KeptEvidence:
    """Compare a backtest with a paper run and write the comparison; a comparison made again replaces the one before.

    Args:
        runs: where the bundles are.
        evidence: where comparisons go.
        backtest_run_id: the backtest.
        paper_run_id: the paper run.
        clock: the time of the comparison.
        lab: whose datasets the runs were handed; None: their candles explain nothing.

    Raises:
        OpsLabError: as ``compare``; a sealed bundle was altered; or it cannot be written. Nothing was written then, or
            the earlier one still lies there.
    """
    found = compare(
        runs,
        backtest_run_id,
        paper_run_id,
        clock.now(),
        require=require_sealed,
        market_of=None if lab is None else partial(market_of, lab),
    )
    pair = f"{checked_id(found.backtest_run_id)}__{checked_id(found.paper_run_id)}"
    make_directory(evidence)
    directory = confined(evidence, pair)
    make_directory(directory)
    kept = KeptEvidence(found, directory)
    write_bytes(confined(evidence, pair, JSON), pretty_json(found.to_dict()))
    write_bytes(confined(evidence, pair, PAGE), render_evidence(found))
    return kept


def require_sealed(bundle: Bundle) -> None:
    """Refuse a sealed bundle that is not as it was sealed; one that was never sealed is let through.

    Raises:
        StoreError: something of it was changed.
    """
    if not bundle.has(layout.MANIFEST):
        return
    if problems := problems_of(bundle):
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        what = f"is not as it was sealed: {first.path} {first.what}{more}"
        raise StoreError(what, where=bundle.path, fix="`tc run verify` names everything; restore it from a copy")


def market_of(lab: Lab, bundle: Bundle) -> Market:
    """Return the candles that a run was handed, by symbol.

    Empty when the run recorded no inputs, or a dataset is no longer there as it was handed to the run.
    """
    inputs = bundle.metadata.inputs
    found: dict[str, Candlesticks] = {}
    try:
        for facts in inputs.datasets if inputs is not None else ():
            dataset = open_dataset(lab, facts.dataset)
            if dataset.measure() != facts.fingerprint:
                return Market()
            candles, instrument = dataset.load(), dataset.instrument
            found[instrument.symbol] = Candlesticks(
                closes=candles.ts_close_ns,
                lows=candles.low,
                highs=candles.high,
                tick=Decimal(instrument.tick_size),
                reach=BOOK.spread_ticks + BOOK.levels - 1,
            )
    except DataError:
        return Market()
    return Market(found)
