"""The one rule for where a lab's files live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opslab.errors import RootError
from opslab.root import confined, find_lab

ROOT = "TRADINGCHASSIS_OPS_LAB_ROOT"
MARKER = "[tool.opslab]\n"


@pytest.fixture
def marked(tmp_path):
    """A marked lab with a directory three levels below."""
    lab = tmp_path / "lab"
    (lab / "a" / "b" / "c").mkdir(parents=True)
    (lab / "pyproject.toml").write_text(MARKER)
    return lab


def test_the_option_wins_then_the_environment_then_the_marker(marked, tmp_path):
    for name in ("option", "environment"):
        (tmp_path / name).mkdir()
    start, environ = [marked / "a" / "b" / "c"], {ROOT: str(tmp_path / "environment")}
    found = find_lab(tmp_path / "option", environ, start)
    assert (found.root, found.source) == (tmp_path / "option", "option")
    found = find_lab(None, environ, start)
    assert (found.root, found.source) == (tmp_path / "environment", "environment")
    found = find_lab(None, {}, start)
    assert (found.root, found.source) == (marked, "marker")
    assert found.is_marked


def test_without_any_of_them_the_working_directory_is_taken_and_is_not_marked(tmp_path):
    found = find_lab(None, {}, [tmp_path])
    assert (found.root, found.source, found.is_marked) == (tmp_path, "working_directory", False)


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_values_name_nothing(marked, blank):
    assert find_lab(blank, {ROOT: blank}, [marked]).source == "marker"


def test_the_nearest_marker_wins(marked):
    (marked / "a" / "opslab.toml").write_text("")
    assert find_lab(None, {}, [marked / "a" / "b"]).root == marked / "a"


def test_starts_are_searched_in_order(marked, tmp_path):
    (tmp_path / "plain").mkdir()
    assert find_lab(None, {}, [tmp_path / "plain", marked / "a"]).root == marked


@pytest.mark.parametrize(
    "content", ["", "[tool]\n", "[tool.other]\n", "tool = 3\n", 'tool = "opslab"\n', "tool = []\n"]
)
def test_a_pyproject_without_the_table_is_no_marker(tmp_path, content):
    (tmp_path / "pyproject.toml").write_text(content)
    assert find_lab(None, {}, [tmp_path]).source == "working_directory"


def test_a_marker_that_is_a_directory_is_none(tmp_path):
    (tmp_path / "opslab.toml").mkdir()
    assert find_lab(None, {}, [tmp_path]).source == "working_directory"


@pytest.mark.parametrize("content", [b"[tool", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_malformed_marker_file_is_told(tmp_path, content):
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(RootError, match="cannot be read") as caught:
        find_lab(None, {}, [tmp_path])
    assert str(tmp_path / "pyproject.toml") in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "file", "x" * 5000, "file/below"])
@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_root_that_is_no_directory_is_told(tmp_path, name, how):
    (tmp_path / "file").write_text("")
    option, environ = (name, {}) if how == "option" else (None, {ROOT: name})
    with pytest.raises(RootError, match=rf"not a directory; .*\({how}\)"):
        find_lab(option, environ, [tmp_path])


def test_a_relative_root_is_taken_from_the_start_and_links_are_resolved(marked, tmp_path):
    (tmp_path / "link").symlink_to(marked)
    assert find_lab("link", {}, [tmp_path]).root == marked
    assert find_lab(None, {ROOT: "lab/a/.."}, [tmp_path]).root == marked


def test_roots_below(marked):
    lab = find_lab(marked, {}, [marked])
    below = (lab.data, lab.runs, lab.evidence, lab.sessions, lab.kill_switch)
    names = [path.relative_to(marked).as_posix() for path in below]
    assert names == ["data", "artifacts/runs", "artifacts/evidence", "artifacts/sessions", "runtime/kill_switch"]
    assert not (marked / "data").exists()


@pytest.mark.parametrize(
    ("variable", "field"),
    [("DATA_ROOT", "data"), ("ARTIFACTS_ROOT", "runs"), ("EVIDENCE_ROOT", "evidence"), ("RUNTIME_ROOT", "kill_switch")],
)
def test_single_roots_mean_the_same_from_every_working_directory(marked, tmp_path, variable, field):
    name = f"TRADINGCHASSIS_OPS_LAB_{variable}"
    for start in (marked, marked / "a"):
        assert getattr(find_lab(None, {name: "else/where"}, [start]), field) == marked / "else" / "where"
        assert getattr(find_lab(None, {name: str(tmp_path / "abs")}, [start]), field) == tmp_path / "abs"
    assert getattr(find_lab(None, {name: " "}, [marked]), field) == getattr(find_lab(None, {}, [marked]), field)


def test_paths_stay_below_their_base(tmp_path):
    assert confined(tmp_path, "a", "b") == tmp_path / "a" / "b"
    for parts in (("..",), ("a", "..", ".."), ("/etc",)):
        with pytest.raises(RootError, match="leads out of"):
            confined(tmp_path, *parts)


def test_a_symlink_on_the_way_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for parts in (("link",), ("link", "below")):
        with pytest.raises(RootError, match="is a symlink"):
            confined(tmp_path, *parts)


def named(parent, raw):
    """Make a directory whose name is these bytes."""
    place = Path(os.fsdecode(os.fsencode(parent) + b"/" + raw))
    place.mkdir()
    return place


def test_a_root_whose_name_is_no_text_is_refused(tmp_path):
    place = named(tmp_path, b"caf\xe9")
    with pytest.raises(RootError) as caught:
        find_lab(place, {}, [tmp_path])
    assert str(caught.value).startswith(f"{tmp_path}/caf\\xe9: a name in it is no UTF-8 text; rename it")
    assert find_lab(place, {}, [tmp_path], is_text=False).root == place


@pytest.mark.parametrize("variable", ["DATA_ROOT", "ARTIFACTS_ROOT", "EVIDENCE_ROOT", "RUNTIME_ROOT"])
def test_so_is_a_root_below_it(tmp_path, variable):
    with pytest.raises(RootError, match="no UTF-8 text"):
        find_lab(tmp_path, {f"TRADINGCHASSIS_OPS_LAB_{variable}": os.fsdecode(b"caf\xe9")}, [tmp_path])


def test_letters_of_any_script_are_a_root(tmp_path):
    place = named(tmp_path, "ünï 日本".encode())
    assert find_lab(place, {}, [tmp_path]).root == place


def test_a_locale_that_reads_names_otherwise_is_named(tmp_path):
    place = named(tmp_path, "ünï".encode())
    read = "import os, pathlib, opslab.root as r; r.find_lab(None, os.environ, [pathlib.Path.cwd()])"
    environ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "-c", read], cwd=place, env=environ, capture_output=True, check=False, timeout=60
    )
    told = ran.stderr.decode().splitlines()[-1]
    assert f"{place}: the locale has Python read names as ascii, and this one is UTF-8; set PYTHONUTF8=1" in told
