from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[2] / "fixtures" / "bundles" / "v1-lab-0.9"


@pytest.fixture
def golden(tmp_path: Path) -> Callable[[str], Bundle]:
    """Return a maker of copies of golden bundles."""

    def copy(name: str) -> Bundle:
        shutil.copytree(GOLDEN / name, tmp_path / "runs" / name)
        return Bundle(tmp_path / "runs" / name)

    return copy
