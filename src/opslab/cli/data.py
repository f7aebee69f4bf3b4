"""``tc data``: bring market data through the gate, and say what there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli.told import JsonOption, tell, tell_json

if TYPE_CHECKING:
    from opslab.contract.dataset import DatasetRecord, Instrument
    from opslab.root import Lab

app = typer.Typer(no_args_is_help=True, help="Bring market data through the gate, and say what there is.")

Name = Annotated[str, typer.Option("--dataset", help="The dataset's name.")]


@app.command()
def prepare(
    dataset: Name,
    replace: Annotated[
        bool, typer.Option("--replace", help="Restore the committed sample over other content.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Install a synthetic sample that comes with the lab: btcusdt-sample or ethusdt-sample."""
    from opslab.cli.main import current_lab
    from opslab.cli.progress import working
    from opslab.data.catalog import open_dataset
    from opslab.data.prepare import prepare as install

    lab = current_lab()
    with working(f"preparing {dataset}"):
        install(lab, dataset, replace=replace)
    prepared = open_dataset(lab, dataset)
    facts = {"target_dir": prepared.directory, "files": len(prepared.record.files)}
    if json:
        tell_json({"dataset": dataset, **facts})
    else:
        typer.echo(f"Prepared dataset={dataset}")
        tell(facts, as_json=False)
    typer.echo("synthetic data: no candle in it ever traded", err=True)


@app.command("import")
def import_(  # noqa: PLR0913, PLR0917 - each option is a fact that only the user knows
    source: Annotated[Path, typer.Option("--source", help="A CSV or Parquet file.")],
    dataset: Name,
    interval: Annotated[str, typer.Option("--interval", help="Length of a candle: 15s, 1m, 5m, 1h, 1d.")],
    instrument: Annotated[
        str | None, typer.Option("--instrument", help="A built-in Binance symbol, such as BTCUSDT.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="Of --instrument: perpetual or spot.")] = "perpetual",
    instrument_file: Annotated[
        Path | None, typer.Option("--instrument-file", help="YAML of an instrument that is not built in.")
    ] = None,
    stamp: Annotated[
        str | None, typer.Option("--stamp", help="What the source's times are: open or close of the candle.")
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", help="Of times that name no zone; only UTC.")] = "UTC",
    volume_unit: Annotated[
        str, typer.Option("--volume-unit", help="What the volume counts: base, quote or contracts.")
    ] = "base",
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="Flag missing candles instead of failing.")] = False,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Record that the data is made up.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Let other content become a new version.")] = False,
    json: JsonOption = False,
) -> None:
    """Read a CSV (plain, or Binance klines) or Parquet file, check it, and install it or quarantine it."""
    from opslab.cli.data_view import progress_over
    from opslab.cli.main import current_lab
    from opslab.contract.dataset import InstrumentKind, Stamp, VolumeUnit
    from opslab.data.importing import import_file, parse_interval

    _one_of("--timezone", timezone.upper(), ["UTC"])
    _one_of("--kind", kind, list(InstrumentKind))
    _one_of("--volume-unit", volume_unit, list(VolumeUnit))
    if stamp is not None:
        _one_of("--stamp", stamp, list(Stamp))
    definition = _instrument(instrument, kind, instrument_file)
    lab = current_lab()
    before = _existing(lab, dataset)
    with progress_over(source) as report:
        record = import_file(
            lab,
            source,
            dataset,
            instrument=definition,
            interval=parse_interval(interval),
            stamp=stamp,
            replace=replace,
            progress=report,
            volume_unit=VolumeUnit(volume_unit),
            gaps_allowed=allow_gaps,
            synthetic=synthetic,
        )
    _tell_import(lab, record, changed=before != record, as_json=json)


@app.command()
def fingerprint(dataset: Name, json: JsonOption = False) -> None:
    """Measure a canonical dataset's files and write its fingerprint."""
    from opslab.cli.main import current_lab
    from opslab.data.catalog import open_dataset
    from opslab.data.fingerprint import write_fingerprint
    from opslab.data.layout import locked

    lab = current_lab()
    opened = open_dataset(lab, dataset)
    with locked(lab, dataset):
        path, content = write_fingerprint(lab, opened)
    tell({"dataset_sha256": content.dataset_sha256, "fingerprint_file": path}, as_json=json)


@app.command()
def check(
    dataset: Name,
    json: JsonOption = False,
) -> None:
    """Measure a dataset again and judge its candles again; exit 1 when it was altered or is quarantined.

    A damaged fingerprint file, or one that names another fingerprint, counts as altered.
    """
    from opslab.cli.data_view import show_checks
    from opslab.cli.main import current_lab
    from opslab.cli.progress import working
    from opslab.data.catalog import open_dataset, require_fingerprint_file
    from opslab.data.recheck import recheck, recorded

    lab = current_lab()
    record = recorded(lab, dataset)
    if record.status == "quarantined":
        show_checks(record, list(record.checks), None, as_json=json)
        open_dataset(lab, dataset)
    opened = open_dataset(lab, dataset)
    with working(f"checking {dataset}"):
        measured = opened.measure()
        is_unaltered = measured == opened.fingerprint
        checks = recheck(opened) if is_unaltered else []
    if is_unaltered:
        show_checks(record, checks, measured, as_json=json)
    elif json:
        show_checks(record, [], measured, as_json=True)
    opened.require(measured)
    require_fingerprint_file(lab, opened)


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """Show every dataset with its state."""
    from opslab.cli.data_view import show_list
    from opslab.cli.main import current_lab
    from opslab.data.catalog import list_records

    entries = list_records(current_lab())
    if json:
        tell_json(
            {
                name: {"error": str(entry)} if isinstance(entry, Exception) else entry.to_dict()
                for name, entry in entries
            }
        )
        return
    if not entries:
        typer.echo("no datasets; `tc data prepare --dataset btcusdt-sample` installs one")
        return
    show_list(entries)


def _one_of(option: str, value: str, allowed: list[str]) -> None:
    if value not in allowed:
        choices = ", ".join(str(choice) for choice in allowed)
        raise typer.BadParameter(f"{value!r:.40} is not one of {choices}", param_hint=option)


def _instrument(symbol: str | None, kind: str, path: Path | None) -> Instrument:
    from opslab.contract.dataset import InstrumentKind
    from opslab.data.instruments import built_in, read_instrument_file

    if (symbol is None) == (path is None):
        raise typer.BadParameter("give one of --instrument and --instrument-file", param_hint="--instrument")
    return read_instrument_file(path) if path is not None else built_in(str(symbol), InstrumentKind(kind))


def _existing(lab: Lab, dataset: str) -> DatasetRecord | None:
    from opslab.data.catalog import read_record
    from opslab.data.layout import CANONICAL, dataset_directory

    return read_record(dataset_directory(lab, CANONICAL, dataset))


def _tell_import(lab: Lab, record: DatasetRecord, *, changed: bool, as_json: bool) -> None:
    from opslab.contract.dataset import CheckStatus
    from opslab.data.catalog import open_dataset, why
    from opslab.data.layout import QUARANTINE, dataset_directory
    from opslab.errors import DataError

    if record.status == "quarantined":
        where = dataset_directory(lab, QUARANTINE, record.dataset)
        raise DataError(
            f"dataset {record.dataset} is quarantined: {why(record)}",
            where=where,
            fix="repair the source and import it again",
        )
    installed = open_dataset(lab, record.dataset)
    flagged = {found.name: found.count for found in record.checks if found.status is CheckStatus.FLAGGED}
    facts = {
        "target_dir": installed.directory,
        "version": record.version,
        "rows": record.rows,
        "dataset_sha256": record.dataset_sha256,
    }
    if as_json:
        tell_json({"dataset": record.dataset, "changed": changed, **facts, "flagged": flagged})
        return
    typer.echo(f"{'Imported' if changed else 'Unchanged'} dataset={record.dataset}")
    tell(facts, as_json=False)
    for name, count in flagged.items():
        typer.echo(f"flagged {name}={count}")
