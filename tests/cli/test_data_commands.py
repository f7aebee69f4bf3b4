"""``tc data``: exact lines, exit codes, and errors that are one clear line."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from opslab.cli.data import app
from opslab.data.catalog import open_dataset
from opslab.errors import OpsLabError
from opslab.root import Lab, find_lab

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "".join(f"2024-01-01 00:{i:02d}:00,100.1,100.2,100.0,100.1,5\n" for i in range(9))
CSV = "timestamp,open,high,low,close,volume\n" + ROWS


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    root = tmp_path / "lab"
    root.mkdir()
    lab = find_lab(root, {}, [root])
    monkeypatch.setitem(sys.modules, "opslab.cli.main", SimpleNamespace(current_lab=lambda: lab))
    return lab


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "candles.csv"
    path.write_text(CSV)
    return path


def tc(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def bring(source: Path, *more: object):
    return tc("import", "--source", source, "--dataset", "mine", "--interval", "1m", "--instrument", "BTCUSDT", *more)


def error_of(result) -> str:
    assert isinstance(result.exception, OpsLabError), result.output
    return str(result.exception)


def test_prepare_prints_the_contracts_lines_and_says_synthetic_apart(lab):
    result = tc("prepare", "--dataset", "btcusdt-sample")
    home = lab.data / "canonical" / "btcusdt-sample"
    assert result.stdout.splitlines() == ["Prepared dataset=btcusdt-sample", f"target_dir={home}", "files=2"]
    assert "synthetic" in result.stderr
    assert tc("prepare", "--dataset", "btcusdt-sample").stdout == result.stdout


def test_fingerprint_prints_the_contracts_lines_and_follows_its_formula(lab):
    import hashlib

    tc("prepare", "--dataset", "ethusdt-sample")
    path = lab.data / "fingerprints" / "ethusdt-sample.fingerprint.json"
    path.unlink()
    result = tc("fingerprint", "--dataset", "ethusdt-sample")
    content = json.loads(path.read_text())
    assert result.stdout.splitlines() == [f"dataset_sha256={content['dataset_sha256']}", f"fingerprint_file={path}"]
    assert set(content) == {"schema_version", "dataset", "algorithm", "root", "files", "dataset_sha256"}
    hashed = {key: content[key] for key in ("dataset", "algorithm", "files")}
    expected = hashlib.sha256(json.dumps(hashed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert content["dataset_sha256"] == expected
    home = lab.root / content["root"]
    assert [hashlib.sha256((home / file["path"]).read_bytes()).hexdigest() for file in content["files"]] == [
        file["sha256"] for file in content["files"]
    ]


def test_import_says_what_it_did_and_a_second_time_that_nothing_changed(lab, source):
    first = bring(source, "--stamp", "open")
    assert first.exit_code == 0, first.exception
    assert first.stdout.splitlines()[:4] == [
        "Imported dataset=mine",
        f"target_dir={lab.data / 'canonical' / 'mine'}",
        "version=1",
        "rows=9",
    ]
    assert bring(source, "--stamp", "open").stdout == first.stdout.replace("Imported", "Unchanged")


def test_import_names_what_it_flagged(lab, source):
    source.write_text(CSV.replace("2024-01-01 00:04:00,100.1,100.2,100.0,100.1,5\n", ""))
    result = bring(source, "--stamp", "open", "--allow-gaps")
    assert result.exit_code == 0
    assert "flagged gaps=1" in result.stdout


def test_import_of_bad_candles_exits_1_with_the_first_reason(lab, source):
    source.write_text(CSV + "2024-01-01 00:09:00,100.1,100.2,100.0,nan,5\n")
    result = bring(source, "--stamp", "open")
    assert result.exit_code == 1
    assert error_of(result).startswith(str(lab.data / "quarantine" / "mine"))
    assert "candles.csv: finite (1): row 10: close is not a number (NaN)" in error_of(result)


def test_import_takes_an_instrument_file(lab, source, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "{venue: other, symbol: XY, kind: spot, base: X, quote: Y, price_precision: 1, tick_size: 0.1, size_precision: 0, step_size: 1}"
    )
    words = ["import", "--source", source, "--dataset", "mine", "--interval", "1m", "--stamp", "close"]
    assert tc(*words, "--instrument-file", path).exit_code == 0
    assert open_dataset(lab, "mine").instrument.venue == "other"
    path.write_text("venue: [")
    assert "mine.yaml" in error_of(tc(*words, "--instrument-file", path))


@pytest.mark.parametrize(
    "more",
    [
        ["--stamp", "middle"],
        ["--stamp", "open", "--kind", "future"],
        ["--stamp", "open", "--timezone", "Europe/Berlin"],
        ["--stamp", "open", "--volume-unit", "bananas"],
        ["--stamp", "open", "--instrument-file", "x.yaml"],
    ],
)
def test_a_wrong_option_is_a_usage_error_and_writes_nothing(lab, source, more):
    assert bring(source, *more).exit_code == 2
    assert list(lab.root.iterdir()) == []


def test_an_import_without_an_instrument_is_a_usage_error(lab, source):
    result = tc("import", "--source", source, "--dataset", "mine", "--interval", "1m")
    assert result.exit_code == 2
    assert "--instrument-file" in result.stderr


@pytest.mark.parametrize("command", ["prepare", "fingerprint", "check"])
@pytest.mark.parametrize("name", ["../x", "/etc", "nope", "a\nb", ""])
def test_an_unknown_or_unsafe_name_is_one_clear_error_and_writes_nothing(lab, command, name):
    result = tc(command, "--dataset", name)
    assert result.exit_code == 1
    assert "\n" not in error_of(result)
    assert list(lab.root.iterdir()) == []


def test_check_shows_each_check(lab, source):
    bring(source, "--stamp", "open")
    result = tc("check", "--dataset", "mine")
    assert result.exit_code == 0, result.exception
    for name in ("schema", "encoding", "time_zone", "duplicates", "outliers"):
        assert name in result.stdout
    content = json.loads(tc("check", "--dataset", "mine", "--json").stdout)
    assert content["measured_sha256"] == content["recorded_sha256"]
    assert {check["status"] for check in content["checks"]} == {"passed"}


def test_check_of_an_altered_dataset_exits_1(lab, source):
    bring(source, "--stamp", "open")
    path = open_dataset(lab, "mine").path / "candles.parquet"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    result = tc("check", "--dataset", "mine", "--json")
    assert result.exit_code == 1
    assert "was altered" in error_of(result)
    shown = json.loads(result.stdout)
    assert shown["measured_sha256"] != shown["recorded_sha256"]


@pytest.mark.parametrize(
    "damage", ["{", "", "\x00", "{}", "another fingerprint", "another name", "another file", "directory"]
)
def test_check_of_a_damaged_fingerprint_file_exits_1_and_writing_it_anew_repairs_it(lab, damage):
    tc("prepare", "--dataset", "btcusdt-sample")
    path = lab.data / "fingerprints" / "btcusdt-sample.fingerprint.json"
    content = json.loads(path.read_text())
    altered = {
        "another fingerprint": content | {"dataset_sha256": "0" * 64},
        "another name": content | {"dataset": "other"},
        "another file": content | {"files": content["files"][:1]},
    }
    if damage == "directory":
        path.unlink()
        path.mkdir()
    else:
        path.write_text(json.dumps(altered[damage]) if damage in altered else damage)
    result = tc("check", "--dataset", "btcusdt-sample")
    assert result.exit_code == 1
    assert error_of(result).startswith(str(path))
    assert "tc data fingerprint --dataset btcusdt-sample" in error_of(result)
    if damage != "directory":
        tc("fingerprint", "--dataset", "btcusdt-sample")
        assert tc("check", "--dataset", "btcusdt-sample").exit_code == 0


def test_check_without_a_fingerprint_file_judges_the_candles_alone(lab):
    tc("prepare", "--dataset", "btcusdt-sample")
    (lab.data / "fingerprints" / "btcusdt-sample.fingerprint.json").unlink()
    assert tc("check", "--dataset", "btcusdt-sample").exit_code == 0


def test_prepare_restores_an_altered_sample_with_replace_alone(lab):
    tc("prepare", "--dataset", "btcusdt-sample")
    (open_dataset(lab, "btcusdt-sample").path / "candles.parquet").write_bytes(b"x")
    for command in ("check", "prepare"):
        assert "`tc data prepare --dataset btcusdt-sample --replace`" in error_of(
            tc(command, "--dataset", "btcusdt-sample")
        )
    assert tc("prepare", "--dataset", "btcusdt-sample", "--replace").exit_code == 0
    assert tc("check", "--dataset", "btcusdt-sample").exit_code == 0


def test_check_of_a_quarantined_dataset_shows_why_and_exits_1(lab, source):
    source.write_text(CSV.replace("100.1,5", "100.1,-5"))
    bring(source, "--stamp", "open")
    result = tc("check", "--dataset", "mine")
    assert result.exit_code == 1
    assert "volume is negative" in " ".join(result.stdout.split())
    assert "is quarantined" in error_of(result)


def test_list_shows_every_dataset_and_its_state(lab, source):
    assert "tc data prepare" in tc("list").stdout
    tc("prepare", "--dataset", "btcusdt-sample")
    source.write_text("nothing")
    bring(source, "--stamp", "open")
    (lab.data / "canonical" / "odd").mkdir()
    listed = json.loads(tc("list", "--json").stdout)
    assert listed["btcusdt-sample"]["synthetic"] is True
    assert listed["mine"]["status"] == "quarantined"
    assert "has no record" in listed["odd"]["error"]
    assert "synthetic" in tc("list").stdout


def test_a_bar_is_shown_on_a_terminal_only(monkeypatch, source):
    from opslab.cli import data_view

    monkeypatch.setattr(data_view, "PROGRESS_FROM_BYTES", 1)
    with data_view.progress_over(source) as report:
        assert report is None
    monkeypatch.setattr(data_view, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setattr(data_view, "os", SimpleNamespace(environ={}))
    with data_view.progress_over(source) as report:
        assert report is not None
        report(1, 2)


def test_importing_the_commands_imports_nothing_heavy():
    code = (
        "import sys, opslab.cli.data; heavy = {'pydantic', 'pyarrow', 'pandas', 'numpy', 'nautilus_trader', 'rich.table'}"
        "; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
