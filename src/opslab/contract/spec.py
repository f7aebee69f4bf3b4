"""The run spec: what a run is meant to do. Models only; ``opslab.contract.spec_file`` reads the YAML."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from opslab.contract.base import Artifact
from opslab.contract.encoding import compact_json, sha256_hex
from opslab.errors import IdError
from opslab.ids import checked_id

FINGERPRINT_NOT_STATED = "placeholder"
COMPLETE = {"additions": "all"}
"""Serialisation context that writes every addition, set or not."""

_ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")


def _trimmed(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic reports ValueError
    if not (text := value.strip()):
        raise ValueError("must be a non-empty string")
    return text


def _blank_to_none(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a string or null")  # noqa: TRY004 - pydantic reports ValueError
    return value.strip() or None


def _scalar(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        raise ValueError("must be true, false, a number or a text")  # noqa: TRY004 - pydantic reports ValueError
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("must be a whole number of at most 64 bits")
    return value


def _safe_name(value: str, noun: str) -> str:
    try:
        return checked_id(value, noun)
    except IdError as error:
        raise ValueError(f"{error.what}; {error.fix}") from error


Text = Annotated[str, BeforeValidator(_trimmed)]
"""A non-empty string, trimmed; numbers and dates are refused."""

OptionalText = Annotated[str | None, BeforeValidator(_blank_to_none)]
"""A trimmed string or null; blank becomes null."""


Scalar = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
"""What a strategy's setting may be: true, false, a finite number (whole ones of at most 64 bits) or a text."""

Quantity = Annotated[Decimal, Field(gt=0, le=10**15)]
"""A positive amount, within what the engine can hold."""


class Mode(StrEnum):
    """How a run is executed."""

    BACKTEST = "backtest"
    PAPER = "paper"


class Fill(StrEnum):
    """When an order that a bar caused may be filled."""

    NEXT_OPEN = "next_open"
    SAME_CLOSE = "same_close"


class SpecBlock(Artifact):
    """A block of the spec. Fields named in ``additions`` came after the earlier lab: unset, they leave no trace."""

    @classmethod
    def additions(cls) -> frozenset[str]:
        """Return the fields that the earlier lab did not know."""
        return frozenset(
            name for name, field in cls.model_fields.items() if (field.json_schema_extra or {}) == {"addition": True}
        )

    @model_serializer(mode="wrap")
    def _without_unset_additions(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        if info.context == COMPLETE:
            return dumped
        unset = type(self).additions() - self.model_fields_set
        return {name: value for name, value in dumped.items() if name not in unset}


def _addition(default: Any = None) -> Any:
    return Field(default=default, json_schema_extra={"addition": True})


class Strategy(SpecBlock):
    """Which registered strategy runs; a spec never imports code.

    Attributes:
        name: the registered name.
        version: recorded, so that a reader knows which one was meant.
        params: settings handed to the strategy: scalars only.
    """

    name: Text
    version: Text
    params: dict[str, Scalar] | None = _addition()


class Data(SpecBlock):
    """Which dataset is played, and the fingerprint it must have (``placeholder``: not stated)."""

    dataset: Text
    fingerprint: OptionalText = None

    @field_validator("dataset")
    @classmethod
    def _safe_dataset(cls, value: str) -> str:
        return _safe_name(value, "dataset")

    @property
    def stated_fingerprint(self) -> str | None:
        """The fingerprint that is enforced, if any."""
        return None if self.fingerprint == FINGERPRINT_NOT_STATED else self.fingerprint


class Limits(SpecBlock):
    """The most that a strategy may do; an order beyond is denied before it leaves.

    Attributes:
        max_order_quantity: largest quantity of one order, in base units.
        max_order_notional: largest price times quantity of one order, in quote units.
        max_orders_per_second: most orders submitted within any second of engine time.
        max_open_orders: most orders of the run that are open or on their way at once.
    """

    max_order_quantity: Quantity | None = None
    max_order_notional: Quantity | None = None
    max_orders_per_second: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_open_orders: Annotated[int, Field(ge=1, strict=True)] | None = None


class Risk(SpecBlock):
    """The risk profile's name, recorded, and the limits, enforced."""

    profile: Text
    limits: Limits | None = _addition()


class Observability(SpecBlock):
    """What the earlier lab let a spec ask for; recorded, every artifact is written always."""

    journal: bool = True
    metrics: bool = False
    report: bool = False


class CredentialPlaceholders(SpecBlock):
    """Names of environment variables, never values."""

    required_env: tuple[str, ...] = ()
    optional_env: tuple[str, ...] = ()

    @field_validator("required_env", "optional_env", mode="before")
    @classmethod
    def _names(cls, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError("must be a list of environment variable names")  # noqa: TRY004
        names = tuple(_trimmed(item) for item in value)
        if bad := [name for name in names if not _ENVIRONMENT_NAME.fullmatch(name)]:
            raise ValueError(f"{bad[0]!r} is not an environment variable name (A-Z, 0-9 and _)")
        if len(set(names)) != len(names):
            raise ValueError("names a variable twice")
        return names

    @model_validator(mode="after")
    def _apart(self) -> CredentialPlaceholders:
        if both := sorted(set(self.required_env) & set(self.optional_env)):
            raise ValueError(f"required_env and optional_env both name {both[0]}")
        return self


class ConnectivityReadiness(SpecBlock):
    """Which credentials a connection would need."""

    enabled: bool = False
    target: Literal["paper_testnet_probe"] | None = None
    venue: OptionalText = None
    credential_placeholders: CredentialPlaceholders = CredentialPlaceholders()
    notes: OptionalText = None


class Execution(SpecBlock):
    """How the engine executes.

    Attributes:
        fill: ``next_open`` (what a strategy decides on bar t is filled at the open of t+1) or ``same_close``.
        more_data: further datasets, each with an instrument of its own, played beside ``data.dataset``.
        starting_balance: quote currency that the account starts with.
    """

    fill: Fill = Fill.NEXT_OPEN
    more_data: tuple[Data, ...] = ()
    starting_balance: Quantity = Decimal(1_000_000)


class RunSpec(SpecBlock):
    """A run spec, version v1 of the earlier lab with the additions ``execution``, ``seed`` and ``risk.limits``.

    Attributes:
        spec_version: ``v1``.
        run_id: the run's name, and its directory's.
        mode: ``backtest`` or ``paper``.
        venue: where the instrument trades.
        instrument: the venue's symbol.
        strategy: which registered strategy runs.
        data: which dataset is played.
        risk: profile and limits.
        observability: recorded.
        connectivity_readiness: which credentials a connection would need.
        execution: how the engine executes.
        seed: seeds the strategy and every random choice of the run.
    """

    spec_version: Literal["v1"]
    run_id: Text
    mode: Mode
    engine: Literal["nautilus"]
    venue: Text
    instrument: Text
    strategy: Strategy
    data: Data
    risk: Risk
    observability: Observability
    connectivity_readiness: ConnectivityReadiness | None = None
    execution: Execution = _addition(Execution())
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = _addition(0)

    @field_validator("run_id")
    @classmethod
    def _safe_run_id(cls, value: str) -> str:
        return _safe_name(value, "run_id")

    @model_validator(mode="after")
    def _one_venue(self) -> RunSpec:
        readiness = self.connectivity_readiness
        if readiness is not None and readiness.venue is not None and readiness.venue != self.venue:
            raise ValueError(f"connectivity_readiness.venue {readiness.venue!r} is not the spec's venue {self.venue!r}")
        return self

    @property
    def datasets(self) -> tuple[Data, ...]:
        """Every dataset that the run plays, the first one first."""
        return (self.data, *self.execution.more_data)

    def config_sha256(self) -> str:
        """Return the digest of the whole spec, identity included, as the earlier lab computed it."""
        return sha256_hex(compact_json(self.model_dump(mode="json")).encode())

    def decisive(self) -> dict[str, Any]:
        """Return what of the spec decides the result, defaults written out.

        What only names or watches the run is left out, and the datasets too: their measured fingerprints decide.
        """
        dumped = self.model_dump(
            mode="json",
            context=COMPLETE,
            exclude={
                "run_id": True,
                "observability": True,
                "connectivity_readiness": True,
                "data": True,
                "execution": {"more_data"},
            },
        )
        dumped["risk"].pop("profile")
        return dumped
