"""Resolves a spec before anything is written: strategy, venue, instrument and datasets, and what decides the result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from opslab import __version__
from opslab.contract.encoding import compact_json, sha256_hex
from opslab.contract.events import DatasetFacts, InputFacts
from opslab.contract.spec import Mode
from opslab.data.catalog import open_dataset
from opslab.engine.code import code_sha256
from opslab.errors import DataError, SpecError
from opslab.root import confined

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.execution import Recording
    from opslab.contract.spec import Data, RunSpec
    from opslab.contract.spec_file import SpecFile
    from opslab.data.catalog import Dataset
    from opslab.engine.registry import StrategyFactory, StrategyRegistry
    from opslab.root import Lab

ENGINE_DISTRIBUTION = "nautilus_trader"
PAPER_VENUES = ("binance", "binance_testnet")
"""Names of the venue that paper runs may use; all of them mean the lab's own venue on loopback."""


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs, resolved and measured.

    Attributes:
        spec_file: the spec, and the bytes that go into the bundle.
        datasets: the canonical datasets, the spec's own first.
        factory: makes the strategy.
        inputs: what decides the result.
    """

    spec_file: SpecFile
    datasets: tuple[Dataset, ...]
    factory: StrategyFactory
    inputs: InputFacts

    @property
    def spec(self) -> RunSpec:
        """The run spec."""
        return self.spec_file.spec

    @property
    def inputs_sha256(self) -> str:
        """Equal for two runs whose results must be equal."""
        return sha256_hex(compact_json(self.inputs.to_dict()).encode())

    def require_inputs(self) -> None:
        """Refuse datasets that are not what was recorded, or not what the spec states.

        Raises:
            DataError: a dataset was altered, or has another fingerprint than the spec's.
        """
        for asked, dataset, facts in zip(self.spec.datasets, self.datasets, self.inputs.datasets, strict=True):
            dataset.require(facts.fingerprint)
            stated = asked.stated_fingerprint
            if stated is not None and stated != facts.fingerprint:
                raise DataError(
                    f"dataset {dataset.name} has the fingerprint {facts.fingerprint}, the spec states {stated}",
                    where=self.spec_file.path,
                    fix="correct data.fingerprint, or bring back the dataset that was meant",
                )


def plan_backtest(lab: Lab, spec_file: SpecFile, registry: StrategyRegistry) -> Plan:
    """Return the plan of a backtest; raises as ``plan_paper``."""
    require_mode(spec_file, Mode.BACKTEST)
    return _plan(lab, spec_file, registry, venues=())


def plan_paper(lab: Lab, spec_file: SpecFile, registry: StrategyRegistry) -> Plan:
    """Return the plan of a paper run; nothing is written, whatever is wrong.

    Raises:
        SpecError: the mode is another one, or strategy, venue or instrument are unknown.
        DataError: a dataset is unknown or quarantined.
        EngineError: the strategy's module cannot be loaded.
    """
    require_mode(spec_file, Mode.PAPER)
    return _plan(lab, spec_file, registry, venues=PAPER_VENUES)


def require_mode(spec_file: SpecFile, mode: Mode) -> None:
    """Refuse a spec of another mode.

    Raises:
        SpecError: it is one.
    """
    stated = spec_file.spec.mode
    if stated is not mode:
        where = _place(spec_file, "mode")
        fix = f"set mode: {mode.value}, or use `tc run {stated.value}`"
        raise SpecError(f"mode is {stated.value!r}, not {mode.value!r}", where=where, fix=fix)


def _plan(lab: Lab, spec_file: SpecFile, registry: StrategyRegistry, venues: tuple[str, ...]) -> Plan:
    spec = spec_file.spec
    factory = _named(spec_file, registry)
    datasets = tuple(open_dataset(lab, data.dataset) for data in spec.datasets)
    _require_instrument(spec_file, datasets[0], venues)
    _require_distinct(spec_file, datasets)
    inputs = InputFacts(
        spec=_decisive(lab, spec),
        datasets=tuple(_measured(data, dataset) for data, dataset in zip(spec.datasets, datasets, strict=True)),
        strategy_code_sha256=code_sha256(factory),
        engine_version=version(ENGINE_DISTRIBUTION),
        lab_version=__version__,
    )
    return Plan(spec_file, datasets, factory, inputs)


def recorded_files(lab: Lab, recording: Recording) -> tuple[Path, ...]:
    """Return where the files of a recording lie.

    Raises:
        RootError: a path leads out of the lab, or through a symlink.
    """
    return tuple(confined(lab.root, *PurePath(path).parts) for path in recording.paths)


def _decisive(lab: Lab, spec: RunSpec) -> dict[str, Any]:
    """Return what of the spec decides the result; of recordings it is their content, not their place."""
    decisive = spec.decisive()
    for recording, told in zip(spec.execution.recordings, decisive["execution"].get("recordings", ()), strict=True):
        del told["paths"]
        told["sha256"] = [_digest(path) for path in recorded_files(lab, recording)]
    return decisive


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise DataError(what, where=path, fix="correct execution.recordings, or bring the file") from error


def _named(spec_file: SpecFile, registry: StrategyRegistry) -> StrategyFactory:
    try:
        return registry.factory(spec_file.spec.strategy.name)
    except SpecError as error:
        raise SpecError(error.what, where=_place(spec_file, "strategy", "name"), fix=error.fix) from error


def _measured(data: Data, dataset: Dataset) -> DatasetFacts:
    return DatasetFacts(
        dataset=data.dataset,
        fingerprint=dataset.measure(),
        recorded_fingerprint=dataset.fingerprint,
        version=dataset.record.version,
        synthetic=dataset.record.synthetic,
        instrument=f"{dataset.instrument.symbol}.{dataset.instrument.venue.upper()}",
    )


def _require_instrument(spec_file: SpecFile, dataset: Dataset, venues: tuple[str, ...]) -> None:
    """Refuse another venue or instrument than the dataset's; ``venues`` are further names of its venue."""
    spec, instrument = spec_file.spec, dataset.instrument
    for key, asked, known, others in (
        ("venue", spec.venue, instrument.venue, venues),
        ("instrument", spec.instrument, instrument.symbol, ()),
    ):
        if asked.casefold() not in {known.casefold(), *others}:
            raise SpecError(
                f"unknown {key} {asked!r:.80}: dataset {dataset.name} holds {instrument.symbol} of {instrument.venue}",
                where=_place(spec_file, key),
                fix=f"set {key}: {known}, or name a dataset of {asked}",
            )


def _require_distinct(spec_file: SpecFile, datasets: tuple[Dataset, ...]) -> None:
    symbols = [dataset.instrument.symbol for dataset in datasets]
    if twice := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise SpecError(
            f"two datasets hold the instrument {twice[0]}",
            where=_place(spec_file, "execution", "more_data"),
            fix="name each instrument once",
        )


def _place(spec_file: SpecFile, *path: str) -> str:
    return f"{spec_file.path}:{spec_file.lines.get(path, 1)}"
