"""Readiness: whether the environment has what a connection would need. Pure; nothing is connected.

A variable that is set to nothing but blanks counts as missing. Of the environment only names leave this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.clock import to_stamp
from opslab.contract.connectivity import ConnectivityReadinessEvaluated, ReadinessState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from opslab.contract.spec import RunSpec


def evaluated(spec: RunSpec, run_id: str, environ: Mapping[str, str], now: datetime) -> ConnectivityReadinessEvaluated:
    """Return whether the credentials that the spec names are present.

    Args:
        spec: names them in ``connectivity_readiness``.
        run_id: the run that it is recorded under.
        environ: is asked whether it has them.
        now: when it was asked.
    """
    asked = spec.connectivity_readiness
    names = asked.credential_placeholders if asked is not None else None
    required = tuple(sorted(names.required_env)) if names is not None else ()
    optional = tuple(sorted(names.optional_env)) if names is not None else ()
    present = {name for name in (*required, *optional) if environ.get(name, "").strip()}
    missing_required = [name for name in required if name not in present]
    enabled = asked is not None and asked.enabled
    return ConnectivityReadinessEvaluated(
        ts_utc=to_stamp(now),
        run_id=run_id,
        state=_state(enabled=enabled, is_missing=bool(missing_required)),
        enabled=enabled,
        required_env_count=len(required),
        missing_required_count=len(missing_required),
        target=asked.target if asked is not None else None,
        required_env=required,
        optional_env=optional,
        present_env=tuple(sorted(present)),
        missing_env=tuple(sorted({*required, *optional} - present)),
    )


def _state(*, enabled: bool, is_missing: bool) -> ReadinessState:
    if not enabled:
        return ReadinessState.DISABLED
    return ReadinessState.MISSING_CREDENTIALS if is_missing else ReadinessState.CONFIGURED
