"""The run spec: what a run is meant to do. Models only; ``opslab.contract.spec_file`` reads the YAML."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from opslab.contract import dead_man
from opslab.contract.encoding import compact_json, sha256_hex
from opslab.contract.execution import (
    FINGERPRINT_NOT_STATED,
    Data,
    Execution,
    Fill,
    Guard,
    MarketKind,
    OnKill,
    OnStop,
    Profile,
)
from opslab.contract.spec_base import (
    COMPLETE,
    OptionalText,
    Quantity,
    Scalar,
    SpecBlock,
    Text,
    addition,
    safe_name,
    trimmed,
)

__all__ = [
    "COMPLETE",
    "FINGERPRINT_NOT_STATED",
    "ConnectivityReadiness",
    "CredentialPlaceholders",
    "Data",
    "Execution",
    "Fill",
    "Guard",
    "Limits",
    "MarketKind",
    "Mode",
    "Observability",
    "OnKill",
    "OnStop",
    "OptionalText",
    "Profile",
    "Quantity",
    "Risk",
    "RunSpec",
    "Scalar",
    "SpecBlock",
    "Strategy",
    "Text",
]

PAPER_ONLY = frozenset(
    {
        "market",
        "profile",
        "pace",
        "history",
        "recordings",
        "max_bars",
        "max_seconds",
        "on_kill",
        "on_stop",
        "guards",
        "reconcile_seconds",
        "dead_man_seconds",
    }
)
"""Settings of ``execution`` that a backtest does not have."""

PULLING_LIMITS = (
    "max_loss_from_peak",
    "max_orders_per_minute",
    "max_rejects_per_minute",
    "max_orders_between_data",
    "max_feed_age_seconds",
    "max_mismatch_seconds",
)
"""Limits that pull a paper run's kill switch; a backtest cannot keep them."""

MAX_OWNER = 200

_ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")


class Mode(StrEnum):
    """How a run is executed."""

    BACKTEST = "backtest"
    PAPER = "paper"


class Strategy(SpecBlock):
    """Which registered strategy runs; a spec never imports code.

    Attributes:
        name: the registered name.
        version: recorded, so that a reader knows which one was meant.
        params: settings handed to the strategy: scalars only.
    """

    name: Text
    version: Text
    params: dict[str, Scalar] | None = addition()


class Limits(SpecBlock):
    """The most that a strategy may do; an order beyond is denied before it leaves.

    Attributes:
        max_order_quantity: largest quantity of one order, in base units.
        max_order_notional: largest price times quantity of one order, in quote units.
        max_orders_per_second: most orders submitted within any second of engine time.
        max_open_orders: most orders of the run that are open or on their way at once.
        max_loss_from_peak: paper runs: a fall of equity below its highest value that pulls the switch, in quote units.
        max_orders_per_minute: paper runs: more orders submitted within any minute pull the switch.
        max_rejects_per_minute: paper runs: more orders denied or rejected within any minute pull the switch.
        max_orders_between_data: paper runs: more orders in a row without any market data in between pull the switch.
        max_feed_age_seconds: paper runs: market data older than that, by the venue's time, pulls the switch.
        max_mismatch_seconds: paper runs: views that differ for longer than that pull the switch.
    """

    max_order_quantity: Quantity | None = None
    max_order_notional: Quantity | None = None
    max_orders_per_second: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_open_orders: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_loss_from_peak: Quantity | None = addition()
    max_orders_per_minute: Annotated[int, Field(ge=1, strict=True)] | None = addition()
    max_rejects_per_minute: Annotated[int, Field(ge=1, strict=True)] | None = addition()
    max_orders_between_data: Annotated[int, Field(ge=1, strict=True)] | None = addition()
    max_feed_age_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = addition()
    max_mismatch_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = addition()


class Risk(SpecBlock):
    """The risk profile, and who answers for it.

    Attributes:
        profile: its name, recorded.
        limits: enforced.
        owner: who is called when a limit pulls the kill switch, in a line; alerts, journal and report name it.
    """

    profile: Text
    limits: Limits | None = addition()
    owner: OptionalText = addition()

    @field_validator("owner")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and (len(value) > MAX_OWNER or not value.isprintable()):
            raise ValueError(f"must be one line of at most {MAX_OWNER} characters that can be printed")
        return value


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
        names = tuple(trimmed(item) for item in value)
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
    execution: Execution = addition(Execution())
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = addition(0)

    @field_validator("run_id")
    @classmethod
    def _safe_run_id(cls, value: str) -> str:
        return safe_name(value, "run_id")

    @model_validator(mode="after")
    def _one_venue(self) -> RunSpec:
        readiness = self.connectivity_readiness
        if readiness is not None and readiness.venue is not None and readiness.venue != self.venue:
            raise ValueError(f"connectivity_readiness.venue {readiness.venue!r} is not the spec's venue {self.venue!r}")
        return self

    @model_validator(mode="after")
    def _limits_that_can_be_kept(self) -> RunSpec:
        limits = self.risk.limits
        if self.mode is Mode.BACKTEST and limits is not None:
            for name in PULLING_LIMITS:
                if getattr(limits, name) is not None:
                    raise ValueError(f"risk.limits.{name} is of paper runs only: a backtest has no switch to pull")
        return self

    @model_validator(mode="after")
    def _dead_man_that_can_be_kept(self) -> RunSpec:
        execution = self.execution
        if execution.dead_man_seconds is not None:
            if self.mode is Mode.BACKTEST:
                raise ValueError("execution.dead_man_seconds is of paper runs only: a backtest has no venue to tell")
            length, runs_for = execution.dead_man_seconds, execution.max_seconds
            if why := dead_man.refusal(length, len(self.datasets), runs_for):
                raise ValueError(f"execution.dead_man_seconds is too small: {why}")
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
                "execution": {"more_data"} | (PAPER_ONLY if self.mode is Mode.BACKTEST else set()),
            },
        )
        for name in ("profile", "owner"):
            dumped["risk"].pop(name)
        return dumped
