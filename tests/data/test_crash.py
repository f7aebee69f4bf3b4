"""``kill -9`` at every step of an import leaves the old dataset or the new one, and the next import goes through."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SWEEP = '''
import json, os, shutil, signal, sys, traceback
from pathlib import Path
root, scenario = Path(sys.argv[1]), sys.argv[2]
import pandas
import opslab.data.catalog as catalog
from opslab.data.importing import import_file
from opslab.data.instruments import built_in
from opslab.errors import DataError
from opslab.root import find_lab

HEADER = "timestamp,open,high,low,close,volume\\n"
def csv(count, close="1.1"):
    path = root / f"{count}-{close}.csv"
    path.write_text(HEADER + "".join(f"2024-01-01 00:{i:02d}:00,1.1,1.2,1.0,{close},5\\n" for i in range(count)))
    return path
OLD, NEW, BAD = csv(5), csv(9), csv(9, "nan")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
STEPS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "open"}

def bring(lab, path):
    return import_file(lab, path, "mine", instrument=built_in("BTCUSDT"), interval=60, stamp="open", replace=True)

def apart(work):
    """Run work in a forked child; return its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def killed_at(step, lab, path):
    def work():
        left = [step]
        def hook(event, arguments):
            if event not in STEPS or (event == "open" and not arguments[2] & WRITES) or not str(arguments[0]).startswith(str(lab.data)):
                return
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
        sys.addaudithook(hook)
        bring(lab, path)
    return apart(work)

def judge(lab, expected, out):
    def work():
        try:
            dataset = catalog.open_dataset(lab, "mine")
            dataset.require(dataset.measure())
            state = len(dataset.load())
        except DataError as error:
            state = "quarantined" if "is quarantined" in str(error) else "absent" if "is not here" in str(error) else str(error)
        again = bring(lab, expected)
        left = sorted(str(p.relative_to(lab.data)) for p in lab.data.rglob(".staging*"))
        rows = len(catalog.open_dataset(lab, "mine").load()) if again.status == "canonical" else 0
        out.write_text(json.dumps({"state": state, "again": again.status, "rows": rows, "left": left}))
    return apart(work)

kept = None
for step in range(200):
    home = root / f"lab{step}"
    home.mkdir()
    lab = find_lab(home, {}, [home])
    if scenario in ("replace", "spoil"):
        assert apart(lambda: bring(lab, OLD)) == 0
    if scenario == "repair":
        assert apart(lambda: bring(lab, BAD)) == 0
    path = BAD if scenario in ("quarantine", "spoil") else NEW
    code = killed_at(step, lab, path)
    out = root / "out.json"
    assert judge(lab, path, out) == 0
    print(json.dumps({"step": step, "code": code, **json.loads(out.read_text())}))
    shutil.rmtree(home)
    if code == 0:
        break
'''
MEANWHILE = {
    "install": {"absent", 9},
    "replace": {5, 9},
    "quarantine": {"absent", "quarantined"},
    "spoil": {5},
    "repair": {"quarantined", 9},
}


@pytest.mark.parametrize("scenario", MEANWHILE)
def test_a_kill_at_any_step_leaves_a_whole_state_and_the_next_import_goes_through(tmp_path: Path, scenario: str):
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, str(tmp_path), scenario], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) > 8, "the sweep must have killed at several steps"
    assert [point["code"] for point in points] == [-9] * (len(points) - 1) + [0]
    assert {point["state"] for point in points} == MEANWHILE[scenario]
    expected = ("quarantined", 0) if scenario in ("quarantine", "spoil") else ("canonical", 9)
    assert {(point["again"], point["rows"]) for point in points} == {expected}
    assert [point["left"] for point in points if point["left"]] == []
