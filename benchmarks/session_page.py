"""What reports for people cost: a session's page and the ``report.md`` of its runs, over the time of its drills."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.contract.drill import SessionReport
from opslab.report.markdown import render_report
from opslab.report.session_page.links import Places
from opslab.report.session_page.page import render_page
from opslab.root import find_lab
from opslab.runs.sessions import read_session
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from opslab.root import Lab

DRILLS = 100
SPECS = "src/opslab/samples/scenarios"
REPOSITORY = Path(__file__).resolve().parents[1]


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratio of rendering to drilling: a real session's drills and runs, taken round until they are 100."""
    areas = ["runs"] if quick else ["runs", "data", "venue_faults"]
    with tempfile.TemporaryDirectory() as directory:
        lab = find_lab(directory, {}, [Path(directory)])
        shutil.copytree(REPOSITORY / SPECS, lab.root / SPECS)  # the drills name them from the lab's root
        drilled, place, whole = _session(lab, areas)
        places = Places(lab, place)
        runs = [run for row in whole.drills for run in row["runs"]]
        seconds = sum(row["seconds"] for row in whole.drills)

        def render() -> None:
            render_page(whole, places)
            for run in runs:
                render_report(Bundle(lab.runs / run))

        rendered = interleaved({"render": render}, 3 if quick else 5)["render"]
    name = f"page and report.md / drills, {len(whole.drills)} drills ({drilled} different), {len(runs)} runs"
    return [ratio(name, rendered, [seconds] * len(rendered), 0.02)]


def _session(lab: Lab, areas: list[str]) -> tuple[int, Path, SessionReport]:
    """Run the drills of ``areas``; return how many there are, the session's directory, and its record with 100 rows."""
    words = [str(REPOSITORY / "drills" / area) for area in areas]
    options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:allure_pytest", "--opslab-root"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *options, str(lab.root)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the benchmark's drills did not pass:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    place, report = read_session(lab)
    rows = tuple(
        {**row, "nodeid": f"{row['nodeid']}#{number}"}
        for number, row in enumerate(islice(cycle(report.drills), DRILLS))
    )
    return len(report.drills), place, SessionReport(**{**report.to_dict(), "drills": rows})
