"""Readiness and probe of a connection: what is recorded of them, in the journal and as files of their own.

Version 1 of the earlier lab's contract (4.4 and 4.5). Names of environment variables are recorded, never a value.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from opslab.contract.base import Artifact, UtcStamp
from opslab.contract.events import Event


class ReadinessState(StrEnum):
    """Whether the credentials that a connection would need are present."""

    DISABLED = "disabled"
    CONFIGURED = "configured"
    MISSING_CREDENTIALS = "missing_credentials"
    INVALID_CONFIG = "invalid_config"
    UNKNOWN = "unknown"


class ProbeState(StrEnum):
    """How a probe ended."""

    OK = "probe_ok"
    HTTP_ERROR = "probe_http_error"
    TIMEOUT = "probe_timeout"
    UNREACHABLE = "probe_unreachable"
    UNKNOWN = "probe_unknown"


class ProbeErrorClass(StrEnum):
    """What kept a probe from being answered well."""

    TIMEOUT = "timeout"
    CONNECTION_ERROR = "connection_error"
    HTTP_ERROR = "http_error"
    UNKNOWN = "unknown"


class ConnectivityReadinessEvaluated(Event):
    """The environment was asked for the names that the spec lists; nothing was connected.

    Attributes:
        state: what it comes to.
        enabled: whether the spec asks for the check.
        required_env_count: how many variables a connection needs.
        missing_required_count: how many of them are unset or blank.
        probe_performed: false.
        target: what the spec wants to connect to.
        required_env: their names.
        optional_env: names of variables that may be set.
        present_env: which of both are set.
        missing_env: which of both are not.
        errors: what is wrong with the block of the spec, each in a line.
    """

    event: Literal["connectivity_readiness_evaluated"] = "connectivity_readiness_evaluated"
    state: ReadinessState
    enabled: bool
    required_env_count: int
    missing_required_count: int
    probe_performed: Literal[False] = False
    target: str | None = None
    required_env: tuple[str, ...] = ()
    optional_env: tuple[str, ...] = ()
    present_env: tuple[str, ...] = ()
    missing_env: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class ConnectivityProbeEvaluated(Event):
    """One GET was sent to a server on loopback.

    Attributes:
        state: how it ended.
        probe_performed: true: it was sent.
        network_scope: it was sent to this machine.
        http_status: null when no answer came.
        latency_ms: until the answer's head had come, three decimals; null when none came.
        error_class: null when the answer was good.
        url: where it was sent, normalised.
        errors: what went wrong, each in a line; nothing of the answer's body or headers is repeated.
    """

    event: Literal["connectivity_probe_evaluated"] = "connectivity_probe_evaluated"
    state: ProbeState
    probe_performed: Literal[True] = True
    network_scope: Literal["loopback_only"] = "loopback_only"
    http_status: int | None = None
    latency_ms: float | None = None
    error_class: ProbeErrorClass | None = None
    url: str = ""
    errors: tuple[str, ...] = ()


class ConnectivityReadiness(Artifact):
    """``connectivity_readiness.json``: the latest readiness check of a run.

    Attributes:
        ts_utc: when the environment was asked.
        enabled: whether the spec asks for the check.
        state: what it comes to.
        target: what the spec wants to connect to.
        venue: of the spec.
        instrument: of the spec.
        required_env: names of the variables that a connection needs.
        optional_env: names of variables that may be set.
        present_env: which of both are set.
        missing_env: which of both are not.
        missing_required_count: how many of the required ones are not.
        probe_performed: false: nothing was connected.
        probe_deferred_reason: why not.
        errors: what is wrong with the block of the spec, each in a line.
    """

    schema_version: Literal["v1"] = "v1"
    run_id: str
    ts_utc: UtcStamp
    enabled: bool
    state: ReadinessState
    target: str | None
    venue: str
    instrument: str
    required_env: tuple[str, ...]
    optional_env: tuple[str, ...]
    present_env: tuple[str, ...]
    missing_env: tuple[str, ...]
    missing_required_count: int
    probe_performed: Literal[False] = False
    probe_deferred_reason: Literal["local_only_no_network"] = "local_only_no_network"
    errors: tuple[str, ...]


class ConnectivityProbe(Artifact):
    """``connectivity_probe.json``: the latest probe of a run.

    Attributes:
        ts_utc: when it was sent.
        target: what was asked, by the contract's name.
        venue: of the spec.
        instrument: of the spec.
        url: where it was sent, normalised.
        method: the request's.
        network_scope: it was sent to this machine.
        probe_performed: true: it was sent.
        state: how it ended.
        http_status: null when no answer came.
        latency_ms: until the answer's head had come, three decimals; null when none came.
        error_class: null when the answer was good.
        response_body_stored: false: it was not even read.
        errors: what went wrong, each in a line.
    """

    schema_version: Literal["v1"] = "v1"
    run_id: str
    ts_utc: UtcStamp
    target: Literal["local_fake_http"] = "local_fake_http"
    venue: str
    instrument: str
    url: str
    method: Literal["GET"] = "GET"
    network_scope: Literal["loopback_only"] = "loopback_only"
    probe_performed: Literal[True] = True
    state: ProbeState
    http_status: int | None
    latency_ms: float | None
    error_class: ProbeErrorClass | None
    response_body_stored: Literal[False] = False
    errors: tuple[str, ...]


CONNECTIVITY_EVENTS: dict[str, type[Event]] = {
    model.model_fields["event"].default: model for model in (ConnectivityReadinessEvaluated, ConnectivityProbeEvaluated)
}
"""These events, by name."""


def readiness_file(told: dict[str, Any], venue: str, instrument: str) -> ConnectivityReadiness:
    """Return the file that a readiness event amounts to.

    Args:
        told: the event, as the journal has it.
        venue: of the run's spec.
        instrument: of the run's spec.
    """
    names = ConnectivityReadiness.model_fields.keys() & told.keys()
    return ConnectivityReadiness.model_validate(
        {**{name: told[name] for name in names}, "venue": venue, "instrument": instrument}
    )


def probe_file(told: dict[str, Any], venue: str, instrument: str) -> ConnectivityProbe:
    """Return the file that a probe event amounts to; arguments as of ``readiness_file``."""
    names = ConnectivityProbe.model_fields.keys() & told.keys()
    return ConnectivityProbe.model_validate(
        {**{name: told[name] for name in names}, "venue": venue, "instrument": instrument}
    )
