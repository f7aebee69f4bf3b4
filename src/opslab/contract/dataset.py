"""What the lab records about a dataset: instrument, checks of the data gate, provenance and fingerprint."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from opslab.contract.base import SCHEMA_VERSION, Artifact, Sha256, UtcStamp
from opslab.contract.encoding import compact_json, sha256_hex
from opslab.errors import IdError
from opslab.ids import checked_id

CANDLES_FILE = "candles.parquet"
INSTRUMENT_FILE = "instrument.json"
RECORD_FILE = "dataset.json"
REASONS_FILE = "reasons.jsonl"
MAX_RANGES = 100
"""Most row ranges that one check keeps in the record; a quarantined dataset lists all of them in ``reasons.jsonl``."""
MAX_PRECISION = 16
"""Most decimals of a price or size: NautilusTrader's fixed-point limit in high-precision builds."""

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,16}$")]
Precision = Annotated[int, Field(ge=0, le=MAX_PRECISION, strict=True)]
Positive = Annotated[Decimal, Field(gt=0, le=10**15, decimal_places=MAX_PRECISION)]
Amount = Annotated[Decimal, Field(ge=0, le=10**15, decimal_places=MAX_PRECISION)]
Share = Annotated[Decimal, Field(ge=0, le=1, decimal_places=MAX_PRECISION)]
Fee = Annotated[Decimal, Field(gt=-1, lt=1, decimal_places=MAX_PRECISION)]


class InstrumentKind(StrEnum):
    """How an instrument is owned."""

    SPOT = "spot"
    PERPETUAL = "perpetual"


class DatasetStatus(StrEnum):
    """Whether a dataset may reach an engine."""

    CANONICAL = "canonical"
    QUARANTINED = "quarantined"


class CheckStatus(StrEnum):
    """What a check of the data gate found; ``flagged`` asks for a look and does not quarantine."""

    PASSED = "passed"
    FAILED = "failed"
    FLAGGED = "flagged"
    NOT_RUN = "not_run"


class Stamp(StrEnum):
    """Which end of its candle a source's time stands for."""

    OPEN = "open"
    CLOSE = "close"


class VolumeUnit(StrEnum):
    """What a candle's volume counts."""

    BASE = "base"
    QUOTE = "quote"
    CONTRACTS = "contracts"


class Instrument(Artifact):
    """What is traded, and the venue's rules for it. Decimals are strings in JSON.

    Attributes:
        venue: where it trades, lower case (``binance``).
        symbol: the venue's symbol (``BTCUSDT``).
        kind: ``spot`` or ``perpetual`` (linear).
        base: the currency that is bought and sold.
        quote: the currency of prices.
        settlement: the currency of profits and margins; unset: ``quote``.
        price_precision: decimals of a price.
        tick_size: smallest step of a price, in quote units.
        size_precision: decimals of a quantity.
        step_size: smallest step of a quantity, in base units.
        min_quantity: smallest order, in base units; null: no limit.
        max_quantity: largest order, in base units; null: no limit.
        min_notional: smallest price times quantity, in quote units; null: no limit.
        maker_fee: share of the notional (0.0002 is 2 basis points); negative is a rebate.
        taker_fee: as ``maker_fee``.
        margin_init: initial margin as a share of the notional; 0 for spot.
        margin_maint: maintenance margin as a share of the notional; 0 for spot.
    """

    venue: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    symbol: Symbol
    kind: InstrumentKind
    base: Currency
    quote: Currency
    settlement: Currency | None = None
    price_precision: Precision
    tick_size: Positive
    size_precision: Precision
    step_size: Positive
    min_quantity: Positive | None = None
    max_quantity: Positive | None = None
    min_notional: Amount | None = None
    maker_fee: Fee = Decimal(0)
    taker_fee: Fee = Decimal(0)
    margin_init: Share = Decimal(0)
    margin_maint: Share = Decimal(0)

    @field_validator("venue", "symbol", "base", "quote", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Instrument:
        for step, precision in (("tick_size", self.price_precision), ("step_size", self.size_precision)):
            value: Decimal = getattr(self, step)
            if value != round(value, precision):
                raise ValueError(f"{step} {value} has more decimals than its precision {precision}")
        if self.min_quantity and self.max_quantity and self.min_quantity > self.max_quantity:
            raise ValueError(f"min_quantity {self.min_quantity} is above max_quantity {self.max_quantity}")
        if self.margin_maint > self.margin_init:
            raise ValueError(f"margin_maint {self.margin_maint} is above margin_init {self.margin_init}")
        if self.kind is InstrumentKind.PERPETUAL and not self.margin_init:
            raise ValueError("a perpetual needs margin_init above 0")
        return self


class RowRange(Artifact):
    """Rows of the source that share one reason. Rows count from 1, a header not counted; 0 to 0 is the whole file."""

    first_row: Annotated[int, Field(ge=0)]
    last_row: Annotated[int, Field(ge=0)]
    reason: str


class CheckResult(Artifact):
    """What one check of the data gate found.

    Attributes:
        name: the check's name.
        status: passed, failed (quarantines), flagged (does not), or not run because an earlier check left nothing.
        count: findings in all, one a row and reason.
        ranges: the first ``MAX_RANGES`` row ranges.
    """

    name: str
    status: CheckStatus
    count: Annotated[int, Field(ge=0)] = 0
    ranges: tuple[RowRange, ...] = ()


class Source(Artifact):
    """Where a dataset came from: the file's own name (no directory), its digest, size, format and data rows."""

    name: str
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]
    format: Literal["csv", "binance_kline_csv", "parquet", "unreadable"]
    rows: Annotated[int, Field(ge=0)]


class FileDigest(Artifact):
    """A file below a directory: POSIX path relative to it, SHA-256 and size in bytes."""

    path: str
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]


class DatasetRecord(Artifact):
    """``dataset.json``: everything known about a dataset, canonical or quarantined.

    Attributes:
        dataset: its name.
        version: counts the contents that the name has had; of a quarantined one the failed attempts.
        status: ``canonical`` or ``quarantined``.
        synthetic: whether the market data was made up.
        source: the file it was made from.
        stamp: which end of the candle the source's times stand for; null: it could not be told.
        interval_seconds: length of a candle.
        volume_unit: what the volume counts.
        gaps_allowed: whether somebody chose to accept missing candles.
        rows: candles that can be loaded.
        first_close_utc: close of the first candle.
        last_close_utc: close of the last candle.
        checks: every check of the gate.
        instrument: what is traded.
        files: what decides the engine's view of it, relative to ``v<version>/``; empty when quarantined.
        dataset_sha256: the fingerprint; null when quarantined.
        created_at_utc: when this version was recorded.
        lab_version: which lab recorded it.
    """

    schema_version: Literal["v1"] = SCHEMA_VERSION
    dataset: str
    version: Annotated[int, Field(ge=1)]
    status: DatasetStatus
    synthetic: bool
    source: Source
    stamp: Stamp | None
    interval_seconds: Annotated[int, Field(gt=0)]
    volume_unit: VolumeUnit = VolumeUnit.BASE
    gaps_allowed: bool = False
    rows: Annotated[int, Field(ge=0)]
    first_close_utc: UtcStamp | None = None
    last_close_utc: UtcStamp | None = None
    checks: tuple[CheckResult, ...]
    instrument: Instrument
    files: tuple[FileDigest, ...] = ()
    dataset_sha256: Sha256 | None = None
    created_at_utc: UtcStamp
    lab_version: str

    @field_validator("dataset")
    @classmethod
    def _safe_name(cls, value: str) -> str:
        try:
            return checked_id(value, "dataset")
        except IdError as error:
            raise ValueError(f"{error.what}; {error.fix}") from error

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that quarantine it."""
        return tuple(check for check in self.checks if check.status is CheckStatus.FAILED)


class Fingerprint(Artifact):
    """``<dataset>.fingerprint.json`` (contract 4.9): the digest of the files that decide what an engine sees."""

    schema_version: Literal["v1"] = SCHEMA_VERSION
    dataset: str
    algorithm: Literal["sha256"] = "sha256"
    root: str
    files: tuple[FileDigest, ...]
    dataset_sha256: Sha256


def dataset_sha256(dataset: str, files: tuple[FileDigest, ...]) -> str:
    """Return the fingerprint of contract 4.9: SHA-256 over compact sorted JSON of dataset, algorithm and files."""
    listed = [file.to_dict() for file in sorted(files, key=lambda file: file.path)]
    return sha256_hex(compact_json({"dataset": dataset, "algorithm": "sha256", "files": listed}).encode())
