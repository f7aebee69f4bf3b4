"""What the evidence of a run costs: its bundle, and loading its candles, over the run that they belong to."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.engine import YEAR, EveryNth, candles, definition
from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.contract.spec_file import SpecFile, read_spec
from opslab.data.catalog import open_dataset
from opslab.data.importing import import_file
from opslab.engine.registry import StrategyContext, StrategyRegistry
from opslab.root import Lab, find_lab
from opslab.runs import backtest
from opslab.runs.spec_edit import edited
from opslab.samples import sample_spec


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return bundle over engine and load over engine, on a year of minutes, or on a part of it when ``quick``.

    A bundle's cost is nearly the same whatever the run's length, so that its share is judged on the year only.
    """
    bars, rounds = (60_000, 2) if quick else (YEAR, 2)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        lab = find_lab(directory, {}, [Path(directory)])
        _import_year(lab, bars)
        spec = edited(read_spec(sample_spec()), {"data.dataset": "year"})
        dataset = open_dataset(lab, "year")
        laps = [_lap(lab, spec, number) for number in range(rounds)]
        loads = interleaved({"load": dataset.load}, rounds, time.perf_counter)["load"]
    engine = [lap["engine"] for lap in laps]
    orders = f"{bars:,} bars, {bars // (YEAR // 1000):,} orders"
    return [
        ratio(f"bundle / engine run, {orders}", [lap["bundle"] for lap in laps], engine, None if quick else 0.03),
        ratio(f"loading the candles / engine run, {bars:,} bars", loads, engine, 0.06),
    ]


def _import_year(lab: Lab, bars: int) -> None:
    data = candles(bars)
    opened = data.ts_close_ns.astype("int64") - data.interval_ns
    columns = {"timestamp": opened // 1_000_000} | {
        name: [f"{value:.{digits}f}" for value in getattr(data, name)]
        for name, digits in (("open", 1), ("high", 1), ("low", 1), ("close", 1), ("volume", 3))
    }
    source = lab.root / "year.csv"
    pa_csv.write_csv(pa.table(columns), source)
    record = import_file(lab, source, "year", instrument=definition(), interval=60, stamp="open")
    if record.status != "canonical":
        raise RuntimeError(f"the benchmark's candles did not pass the gate: {record.failed}")


def _lap(lab: Lab, spec: SpecFile, number: int) -> dict[str, float]:
    """Run the whole life cycle once; what is neither engine nor data is the bundle: claim, journal, files, seal."""
    registry = StrategyRegistry()
    registry.register("ops_round_trip", _every_nth, "benchmark")
    spent = {"engine": 0.0, "data": 0.0}

    def timed(part: str, function: object) -> object:
        def call(*args: object, **kwargs: object) -> object:
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)  # type: ignore[operator]
            finally:
                spent[part] += time.perf_counter() - begun

        return call

    import opslab.engine.backtest as engine
    from opslab.data import catalog

    originals = engine.run_backtest, catalog.Dataset.load, catalog.Dataset.measure
    engine.run_backtest = timed("engine", originals[0])  # type: ignore[assignment]
    catalog.Dataset.load = timed("data", originals[1])  # type: ignore[assignment,method-assign]
    catalog.Dataset.measure = timed("data", originals[2])  # type: ignore[assignment,method-assign]
    begun = time.perf_counter()
    try:
        bundle = backtest.run_backtest(lab, spec, registry, run_id=f"lap-{number}")
    finally:
        engine.run_backtest, catalog.Dataset.load, catalog.Dataset.measure = originals  # type: ignore[method-assign]
    whole = time.perf_counter() - begun
    if bundle.metrics.orders_submitted == 0:
        raise RuntimeError("the benchmark's run sent no orders")
    return {"engine": spent["engine"], "bundle": whole - spent["engine"] - spent["data"]}


def _every_nth(_context: StrategyContext) -> EveryNth:
    return EveryNth(YEAR // 1000)
