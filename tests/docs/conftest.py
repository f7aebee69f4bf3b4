"""What the tests of the documentation share."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def docs(repository) -> Path:
    return repository / "docs"


@pytest.fixture(scope="session")
def generate() -> Iterator[ModuleType]:
    """The program that writes the generated references."""
    sys.path.insert(0, str(REPOSITORY / "docs"))
    try:
        yield importlib.import_module("generate")
    finally:
        sys.path.remove(str(REPOSITORY / "docs"))


@pytest.fixture(scope="session")
def rendered(generate) -> dict[Path, bytes]:
    """What the generated files must hold."""
    return generate.rendered()
