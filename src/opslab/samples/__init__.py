"""Package data: what an installed wheel brings along so that the first run needs no network."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

SAMPLE_SPEC = "btcusdt_round_trip.run.yaml"
PAPER_SPEC = "btcusdt_by_hand.yaml"


def sample_spec() -> Path:
    """Return the run spec that drills use when they name none: a day or more of synthetic minutes, orders both ways."""
    return Path(str(resources.files(__name__) / "scenarios" / SAMPLE_SPEC))


def paper_spec() -> Path:
    """Return the paper spec that drills use when they name none: a live node whose orders are placed by hand."""
    return Path(str(resources.files(__name__) / "scenarios" / PAPER_SPEC))


def runbook_pages() -> Path:
    """Return the directory of Ops Lab's own runbooks: a wheel has a copy, a checkout has ``docs/runbooks`` itself."""
    packaged = Path(str(resources.files(__name__) / "runbooks"))
    return packaged if packaged.is_dir() else packaged.parents[3] / "docs" / "runbooks"
