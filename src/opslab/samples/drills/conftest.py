"""Points the drills at one run: they play its market data, with its seed, and hand their report over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opslab.contract.encoding import pretty_json
from opslab.contract.spec_file import read_spec
from opslab.data.catalog import open_dataset
from opslab.runs.rehearsal import prepare_samples
from opslab.samples.drills.pacing import every_for_late_entry
from opslab.samples.drills.spec_of_run import spec_of_run
from opslab.store.durable import write_bytes
from opslab.store.reader import open_bundle

if TYPE_CHECKING:
    from opslab.contract.drill import DrillReport
    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab

OF_RUN, REPORT_TO = "--of-run", "--report-to"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what ``tc drill`` says."""
    parser.addoption(OF_RUN, required=True, metavar="RUN_ID", help="the run whose market data and seed are taken")
    parser.addoption(REPORT_TO, required=True, metavar="FILE", help="where the drill's report is copied to")


@pytest.fixture
def run_spec(pytestconfig: pytest.Config, lab: Lab, tmp_path: Path) -> SpecFile:
    """A spec that trades on the run's market data, with steps that suit so many candles."""
    bundle = open_bundle(lab.runs, pytestconfig.getoption(OF_RUN))
    prepare_samples(lab, bundle.spec)
    dataset = open_dataset(lab, bundle.spec.data.dataset)
    every = every_for_late_entry(len(dataset.load().ts_close_ns))
    path = tmp_path / "drill.yaml"
    write_bytes(path, spec_of_run(bundle, dataset.instrument, every))
    return read_spec(path)


class _Reports:
    """Hands each drill's report over.

    Args:
        path: where to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_opslab_drill_ended(self, report: DrillReport) -> None:
        """Copy the report."""
        write_bytes(self._path, pretty_json(report.to_dict()))


def pytest_configure(config: pytest.Config) -> None:
    """Listen to the drill's end."""
    config.pluginmanager.register(_Reports(Path(config.getoption(REPORT_TO))), "opslab-report-to")
