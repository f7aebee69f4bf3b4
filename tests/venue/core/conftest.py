"""Exchanges with a quote of 100.0 to 101.0, ten on each side."""

from __future__ import annotations

import pytest
from tests.venue.core.rig import Rig

from opslab.venue.orders import Market


@pytest.fixture
def futures() -> Rig:
    rig = Rig(Market.FUTURES)
    rig.quote("100", "101", "10")
    return rig


@pytest.fixture
def spot() -> Rig:
    rig = Rig(Market.SPOT)
    rig.quote("100", "101", "10")
    return rig
