"""Reading a spec looks up no environment variable, opens no socket and loads no engine: seen by an audit hook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SPEC = Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_paper.yaml"

WATCHER = """
import json, os, sys
from opslab.contract.spec_file import read_spec

touched = []
refusing = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system", "ctypes.", "urllib.", "os.putenv")

def watch(event, arguments):
    if event.startswith(refusing):
        touched.append(event)
    if event == "open" and str(arguments[0]) != sys.argv[1]:
        touched.append(f"open {arguments[0]}")

class Watched(type(os.environ)):
    def __getitem__(self, key):
        touched.append(f"environ {key}")
        return super().__getitem__(key)

    def __iter__(self):
        touched.append("environ")
        return super().__iter__()

read_spec(sys.argv[2])  # what is imported and compiled at first use is out of the way
os.environ.__class__ = Watched
sys.addaudithook(watch)
if "--probe" in sys.argv:
    os.environ.get("HOME")
    __import__("socket").socket()
spec = read_spec(sys.argv[1]).spec
found = list(touched)
print(json.dumps({"touched": found, "names": spec.connectivity_readiness.credential_placeholders.required_env,
                  "heavy": sorted({"pandas", "nautilus_trader", "pyarrow", "pytest"} & set(sys.modules))}))
"""


def watched(tmp_path: Path, *words: str) -> dict:
    copy = tmp_path / "copy.yaml"
    copy.write_bytes(SPEC.read_bytes())
    command = [sys.executable, "-c", WATCHER, str(SPEC), str(copy), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_a_spec_that_names_credentials_is_read_without_looking_at_them(tmp_path):
    seen = watched(tmp_path)
    assert seen["names"] == ["TRADINGCHASSIS_PAPER_API_KEY", "TRADINGCHASSIS_PAPER_API_SECRET"]
    assert seen["touched"] == []
    assert seen["heavy"] == []


def test_the_watcher_sees_environment_and_sockets(tmp_path):
    touched = watched(tmp_path, "--probe")["touched"]
    assert "environ HOME" in touched
    assert any(event.startswith("socket.") for event in touched)
