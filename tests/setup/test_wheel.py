"""The built wheel, in an environment that has its declared dependencies and nothing else, outside of the repository.

The dependencies are the files that the running environment has installed, linked one by one along the closure of what
the wheel declares: no network, no second download, and a dependency that only the development group brings is missing.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SPEC = """\
spec_version: v1
run_id: wheel-001
mode: backtest
engine: nautilus
venue: binance
instrument: BTCUSDT
strategy: {name: ops_smoke_demo, version: v1}
data: {dataset: btcusdt-sample}
risk: {profile: smoke}
observability: {journal: true, metrics: true, report: true}
"""

DRILL = """\
import pytest

@pytest.mark.drill("bundle-from-a-wheel")
@pytest.mark.spec("spec.yaml")
def test_a_run_leaves_a_complete_bundle(run, drill):
    run()
    drill.holds("run.completed", "bundle.complete")
"""


def closure(requirements: list[Requirement]) -> set[str]:
    """Return the names of all distributions that ``requirements`` need here, themselves included."""
    found: set[str] = set()
    waiting = [(requirement, extra) for requirement in requirements for extra in requirement.extras | {""}]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            child = Requirement(text)
            if child.marker is None or child.marker.evaluate({"extra": extra}):
                waiting.extend((child, wanted) for wanted in child.extras | {""})
    return found


def link_distribution(name: str, site: Path) -> None:
    """Put the files of the installed distribution ``name`` below ``site``, as links."""
    for file in importlib.metadata.files(name) or []:
        if ".." in file.parts:
            continue  # a console script, bound to the environment that it was installed into
        source, target = Path(file.locate()), site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except FileNotFoundError:
            continue  # a compiled file that its RECORD names but this Python has not written
        except OSError:
            target.symlink_to(source)  # another file system


@pytest.fixture(scope="session")
def wheel(tmp_path_factory, repository) -> Path:
    """The wheel, built once from a copy of the sources."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, source)
    shutil.copytree(repository / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(repository / "docs/runbooks", source / "docs/runbooks")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return path


@dataclass
class Outside:
    """A directory outside of the repository, with an environment that the wheel was installed into."""

    bin: Path
    folder: Path
    environ: dict[str, str]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the folder."""
        command = [self.bin / words[0], *words[1:]]
        return subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture(scope="session")
def environment(tmp_path_factory, wheel) -> Path:
    """The ``bin`` directory of an environment with the wheel and what it declares."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        declared = importlib.metadata.PathDistribution(zipfile.Path(wheel, metadata).parent).requires or []
    for name in closure([Requirement(text) for text in declared]):
        link_distribution(name, site)
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--no-config"]
    subprocess.run([*install, "--python", home / "bin/python", wheel], check=True)
    return home / "bin"


@pytest.fixture
def outside(environment, tmp_path, plain_environ) -> Outside:
    """The environment, in an empty directory, with ``spec.yaml`` in it."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    environ = plain_environ | {"HOME": str(tmp_path), "PATH": f"{environment}:/usr/bin:/bin"}
    return Outside(environment, tmp_path, environ)


def test_the_wheel_has_code_types_schemas_and_samples(wheel, repository):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = repository / "src/opslab"
    sources = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert {f"opslab/{path.relative_to(package)}" for path in sources} <= names
    assert "opslab/py.typed" in names
    assert any(name.startswith("opslab/contract/schemas/") and name.endswith(".json") for name in names)
    assert any(name.startswith("opslab/samples/") and not name.endswith(".py") for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_has_nothing_but_the_package(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"opslab"}


def test_what_the_wheel_declares_is_there_and_nothing_of_the_development_group(environment):
    check = [sys.executable, "-m", "uv", "pip", "check", "--no-config", "--python", environment / "python"]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    for module in ("mkdocs", "hypothesis", "xdist", "ruff"):
        assert (
            subprocess.run(
                [environment / "python", "-c", f"import {module}"], capture_output=True, check=False
            ).returncode
            == 1
        )


def test_tc_says_its_version(outside, wheel):
    said = outside("tc", "version")
    assert (said.returncode, said.stdout) == (0, f"{wheel.name.split('-')[1]}\n"), said.stderr


def test_it_brings_the_runbooks(outside, wheel, repository):
    pages = {f"opslab/samples/runbooks/{path.name}" for path in (repository / "docs/runbooks").glob("*.md")}
    assert pages <= set(zipfile.ZipFile(wheel).namelist())
    said = outside("tc", "runbook", "OPS-FILL-UNTOLD")
    assert (said.returncode, said.stdout) == (0, (repository / "docs/runbooks/user-stream.md").read_text()), said.stderr


def test_a_backtest_over_the_packaged_sample_leaves_a_bundle(outside):
    prepared = outside("tc", "data", "prepare", "--dataset", "btcusdt-sample")
    assert prepared.returncode == 0, prepared.stderr
    assert prepared.stdout.startswith("Prepared dataset=btcusdt-sample\n")
    valid = outside("tc", "spec", "validate", "--spec", "spec.yaml")
    assert valid.returncode == 0, valid.stderr
    assert "run_id=wheel-001" in valid.stdout
    ran = outside("tc", "run", "backtest", "--spec", "spec.yaml")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "status=completed"
    bundle = outside.folder / "artifacts/runs/wheel-001"
    for name in ("run_spec.yaml", "metadata.json", "journal.jsonl", "metrics.json", "report.md", "manifest.json"):
        assert (bundle / name).stat().st_size > 0


def test_a_drill_of_three_lines_runs_with_the_plugin_of_the_wheel(outside):
    assert outside("tc", "data", "prepare", "--dataset", "btcusdt-sample").returncode == 0
    (outside.folder / "test_drill.py").write_text(DRILL)
    ran = outside("python", "-m", "pytest", "-p", "no:cacheprovider", "test_drill.py")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    assert list((outside.folder / "artifacts/runs").glob("wheel-001-*/manifest.json"))


def test_a_new_lab_passes_at_once_and_takes_a_packaged_drill(outside):
    assert outside("tc", "new", "my-lab").returncode == 0
    ran = outside("python", "-m", "pytest", "-p", "no:cacheprovider", "my-lab")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 drills: 2 passed" in ran.stdout
    spec = "my-lab/scenarios/first.run.yaml"
    assert outside("tc", "--root", "my-lab", "run", "backtest", "--spec", spec).returncode == 0
    drilled = outside("tc", "--root", "my-lab", "drill", "restart-recovery", "--run-id", "first-run")
    assert drilled.returncode == 0, drilled.stderr
    assert (outside.folder / "my-lab/artifacts/runs/first-run/drills/restart_recovery.json").is_file()
