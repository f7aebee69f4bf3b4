"""``tc new``: a lab whose `pytest` passes, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opslab.errors import OpsLabError
from opslab.samples.new_lab import make_lab

FILES = [".gitignore", "README.md", "conftest.py", "drills/test_first.py", "pyproject.toml", "scenarios/first.run.yaml"]


@pytest.fixture
def outside(place, tmp_path, monkeypatch) -> Path:
    """An empty directory that lies in no lab."""
    folder = tmp_path / "outside"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def refused(command, *words) -> str:
    told = command("new", *words)
    assert (told.code, told.out) == (1, [])
    (line,) = told.err
    return line


def test_a_new_lab_has_its_files_and_says_where_it_is(command, outside):
    told = command("new", "my-lab")
    assert (told.code, told.err) == (0, [])
    assert told.out[0] == f"lab={outside / 'my-lab'}"
    assert files_of(outside / "my-lab") == FILES
    assert [path.name for path in outside.iterdir()] == ["my-lab"]


@pytest.mark.parametrize(("words", "word"), [((), "PASSED"), (("--opslab-mutants",), "CAUGHT")])
def test_its_drills_pass_at_once_and_each_can_fail(command, outside, words, word):
    command("new", "my-lab")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *words],
        cwd=outside / "my-lab", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [line.split()[0] for line in ran.stdout.splitlines() if line.startswith(word)] == [word, word]


def test_an_empty_folder_becomes_a_lab(command, outside):
    (outside / "my-lab").mkdir()
    assert command("new", "my-lab").code == 0
    assert files_of(outside / "my-lab") == FILES


def test_a_path_with_a_slash_at_its_end_is_fine(command, outside):
    assert command("new", "./my-lab/").code == 0
    assert files_of(outside / "my-lab") == FILES


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (lambda path: path.write_text("mine"), "is there and is no folder"),
        (lambda path: (path.mkdir(), (path / "notes").touch()), "is there and not empty"),
        (lambda path: (path.mkdir(), (path / "opslab.toml").touch()), "is a lab already; run `pytest` there"),
        (lambda path: path.symlink_to(path.parent), "is a symlink to a folder; name the folder itself"),
        (lambda path: path.symlink_to("nowhere"), "is a symlink that leads to no folder"),
    ],
    ids=["a file", "a full folder", "a lab", "a link to a folder", "a broken link"],
)
def test_what_is_there_is_left_alone(command, outside, made, complaint):
    made(outside / "taken")
    before = files_of(outside)
    assert complaint in refused(command, "taken")
    assert files_of(outside) == before


def test_a_place_inside_a_lab_is_refused(command, place):
    (place / "deep").mkdir()
    assert f"lies in the lab {place}" in refused(command, "deep/my-lab")
    assert files_of(place) == ["opslab.toml"]


def test_a_broken_marker_above_is_told(command, outside):
    (outside / "pyproject.toml").write_text("[tool")
    assert "pyproject.toml: cannot be read" in refused(command, "my-lab")


@pytest.mark.parametrize("parent", ["missing", "a-file"])
def test_a_parent_that_is_no_folder_is_refused(command, outside, parent):
    (outside / "a-file").touch()
    assert f"{parent}: is no folder; make it first" in refused(command, f"{parent}/my-lab")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", " a", "a ", "a.", "./-a", "/", "a\nb", "a\u202eb", "a\udce9b", "a;b", "a" * 200, "日" * 100, ".hidden",
     "x/..", "nul\0l"],
)  # fmt: skip
def test_a_name_that_is_unsafe_is_refused(command, outside, name):
    assert len(refused(command, name)) < 400
    assert files_of(outside) == []


@pytest.mark.parametrize("name", ["my lab ünï 日本", "e\u0301", "हिन्दी", "2nd_lab.v1", "日" * 80])
def test_letters_of_any_script_and_blanks_make_a_name(command, outside, name):
    told = command("new", name)
    assert (told.code, told.out[0], told.err) == (0, f"lab={outside / name}", [])
    assert files_of(outside / name) == FILES


def test_a_refused_name_is_told_as_it_was_typed(command, outside):
    assert refused(command, "ünï?").startswith("error: folder 'ünï?' is no name for a lab; use")


def test_a_lab_whose_name_has_blanks_works(command, outside):
    command("new", "my lab ünï")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "scenarios"],
        cwd=outside / "my lab ünï", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", [".", "./", "..", "x/..", "/"])
def test_a_place_without_a_name_is_told_what_to_write(command, outside, name):
    assert "names no folder: a lab appears whole" in (line := refused(command, name))
    assert "`tc new my-lab`" in line


def test_a_place_that_cannot_be_written_is_one_line(command, outside):
    with mock.patch.object(Path, "mkdir", side_effect=PermissionError(13, "Permission denied")):
        assert "my-lab: cannot be written: Permission denied" in refused(command, "my-lab")
    assert files_of(outside) == []


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_half_written_is_left(command, outside, trouble):
    with mock.patch.object(Path, "write_bytes", side_effect=trouble):
        assert command("new", "my-lab").code == 1
    assert list(outside.iterdir()) == []


def test_of_two_who_make_it_at_once_one_wins(outside):
    def attempt(_number: int) -> bool:
        try:
            return bool(make_lab(outside / "my-lab"))
        except OpsLabError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]
    assert files_of(outside / "my-lab") == FILES
    assert [path.name for path in outside.iterdir()] == ["my-lab"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=30))
def test_no_name_gives_anything_but_a_lab_or_one_line(tmp_path, name):
    with mock.patch("opslab.samples.new_lab.install_directory"), mock.patch("opslab.samples.new_lab._write"):
        made, said = tmp_path, ""
        try:
            made = make_lab(tmp_path / name)
        except OpsLabError as error:
            said = str(error)
    assert made.is_relative_to(tmp_path)
    assert "\n" not in said


def test_a_named_root_is_wrong_usage(command, outside):
    told = command("--root", outside, "new", "my-lab")
    assert told.code == 2
    assert files_of(outside) == []


def test_a_root_in_the_environment_is_warned_of(command, outside, monkeypatch):
    monkeypatch.setenv("TRADINGCHASSIS_OPS_LAB_ROOT", str(outside))
    told = command("new", "my-lab")
    assert told.code == 0
    assert told.err == ["warning: TRADINGCHASSIS_OPS_LAB_ROOT is set: commands use that place, not the new lab"]
