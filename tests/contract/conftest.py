from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from opslab.contract.spec_file import parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.contract.spec import RunSpec

SMALLEST: dict[str, Any] = {
    "spec_version": "v1",
    "run_id": "r1",
    "mode": "backtest",
    "engine": "nautilus",
    "venue": "binance",
    "instrument": "BTCUSDT",
    "strategy": {"name": "ops_smoke_demo", "version": "0.1.0"},
    "data": {"dataset": "btcusdt-sample"},
    "risk": {"profile": "tiny"},
    "observability": {},
}


@pytest.fixture
def spec_text() -> Callable[..., bytes]:
    """Return a maker of specs: top-level keys replaced, ``None`` removes one."""

    def make(**changes: Any) -> bytes:
        raw = {name: value for name, value in {**SMALLEST, **changes}.items() if value is not None}
        return yaml.safe_dump(raw, sort_keys=False, allow_unicode=True).encode()

    return make


@pytest.fixture
def spec(spec_text: Callable[..., bytes]) -> Callable[..., RunSpec]:
    """Return a maker of validated specs, see ``spec_text``."""
    return lambda **changes: parse_spec(spec_text(**changes), "spec.yaml")[0]
