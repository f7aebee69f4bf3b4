from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from opslab.contract.dataset import Instrument
from opslab.data.importing import import_file
from opslab.root import Lab, find_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab.contract.dataset import DatasetRecord

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    root = tmp_path / "lab"
    root.mkdir()
    return find_lab(root, {}, [root])


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(
        venue="binance",
        symbol="TESTUSDT",
        kind="perpetual",
        base="TEST",
        quote="USDT",
        price_precision=1,
        tick_size=Decimal("0.1"),
        size_precision=3,
        step_size=Decimal("0.001"),
        margin_init=Decimal("0.05"),
        margin_maint=Decimal("0.02"),
    )


@pytest.fixture
def lines() -> Callable[[int], list[str]]:
    """Good candles as CSV lines without a header, stamped by their open."""

    def make(count: int = 12) -> list[str]:
        return [
            f"{FIRST + timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ},{100 + i}.1,{101 + i}.0,{99 + i}.5,{100 + i}.7,{i + 1}.25"
            for i in range(count)
        ]

    return make


@pytest.fixture
def source(tmp_path: Path, lines: Callable[[int], list[str]]) -> Callable[..., Path]:
    """Write a source: CSV lines under a header, or bytes as they are."""

    def write(content: list[str] | bytes | None = None, name: str = "candles.csv") -> Path:
        path = tmp_path / name
        if not isinstance(content, bytes):
            body = lines(12) if content is None else content
            content = "\n".join(["timestamp,open,high,low,close,volume", *body, ""]).encode()
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def bring(lab: Lab, instrument: Instrument) -> Callable[..., DatasetRecord]:
    """Import a source as dataset ``mine`` of minutes."""

    def run(path: Path, dataset: str = "mine", **more: object) -> DatasetRecord:
        settings = {"instrument": instrument, "interval": 60, "stamp": "open", **more}
        return import_file(lab, path, dataset, **settings)

    return run
