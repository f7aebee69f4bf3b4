"""``read_input``: what is not a strict reconciliation input is one clear line naming the file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opslab.contract.encoding import sha256_hex
from opslab.errors import ContractError
from opslab.reconcile import input_file
from opslab.reconcile.input_file import read_input

FIXTURE = Path(__file__).parents[2] / "fixtures" / "reconciliation" / "expected_match.json"
GOOD = FIXTURE.read_text()
RUN = json.loads(GOOD)["run_id"]


def refused(path: Path, run_id: str = RUN) -> str:
    with pytest.raises(ContractError) as caught:
        read_input(path, run_id)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name.split("\0")[0][:20] in message
    return message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "side.json"


def test_a_good_file_is_read_with_its_digest():
    read = read_input(FIXTURE, RUN)
    assert read.content.position.qty == "0.250"
    assert len(read.sha256) == 64


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"max_age_seconds": 30', '"max_age_seconds": NaN', "NaN is no JSON number"),
        ('"max_age_seconds": 30', '"max_age_seconds": -Infinity', "-Infinity is no JSON number"),
        ('"max_age_seconds": 30', '"max_age_seconds": 1e400', "too large"),
        ('"max_age_seconds": 30', '"max_age_seconds": 1' + "0" * 5000, "out of range"),
        ('"max_age_seconds": 30', '"max_age_seconds": 0', "greater than 0"),
        ('"max_age_seconds": 30', '"max_age_seconds": true', "valid number"),
        ('"max_age_seconds": 30', '"max_age_second": 30', "freshness.max_age_second: unknown key"),
        ('"qty": "0.250"', '"qty": 0.25', "qty: Input should be a valid string"),
        ('"qty": "0.250"', '"qty": NaN', "NaN is no JSON number"),
        ('"side": "long"', '"side": "LONG"', "position.side"),
        ('"side": "long"', '"side": "long", "side": "short"', "'side' is given twice"),
        ('"order_id": "O-1"', '"order_id": "O\\n-1"', "open_orders.0.order_id"),
        ('"order_id": "O-1"', '"order_id": "\\ud800"', "JSON"),
        ('"order_id": "O-1"', '"order_id": ""', "order_id"),
        ('"type": "limit"', '"type": "market"', "price must be null"),
        ('"price": "65000.00"', '"price": null', "price must be null"),
        ('"schema_version": "v1"', '"schema_version": "v2"', "schema_version"),
        ("2026-05-20T08:00:00Z", "2026-05-20T08:00:00", "with a zone"),
        ("2026-05-20T08:00:00Z", "1767225600", "ISO-8601"),
        ('"2026-05-20T08:00:00Z"', "1767225600", "ISO-8601"),
        ("2026-05-20T08:00:00Z", "2026-02-30T08:00:00Z", "as_of_utc"),
        ('"open_orders": [', '"open_orders": [null, ', "open_orders.0"),
        ('"schema_version": "v1"', '"schema_version": "v1",', "side.json:"),
    ],
)
def test_a_surprise_is_named(path, old, new, told):
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    assert told.lower() in refused(path).lower()


@pytest.mark.parametrize("key", list(json.loads(GOOD)))
def test_a_missing_key_is_named_unless_it_is_optional(path, key):
    content = json.loads(GOOD)
    del content[key]
    path.write_text(json.dumps(content))
    if key in ("freshness", "notes"):
        read_input(path, RUN)
    else:
        assert key in refused(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b"\xff\xfe{}", "side.json:1: is not UTF-8"),
        (GOOD.encode("utf-16"), "UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused(path, content, told):
    path.write_bytes(content)
    assert told in refused(path)


def test_a_file_of_another_run_is_refused():
    assert "is of another run" in refused(FIXTURE, "other-run")


def test_a_file_cut_anywhere_is_refused(path):
    content = GOOD.rstrip().encode()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        refused(path)


def test_what_is_no_regular_file_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(FIXTURE)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    told = {name: refused(tmp_path / name) for name in ("link", "folder", "pipe", "absent")}
    assert "symlink" in told["link"]
    assert ": is a directory; " in told["folder"]
    assert "not a regular file" in told["pipe"]
    assert "No such file" in told["absent"]
    assert "cannot be read" in refused(tmp_path / ("x" * 300))
    assert "cannot be read" in refused(Path("nul\0byte"))


def test_a_file_above_the_bound_is_refused(path, monkeypatch):
    path.write_text(GOOD)
    monkeypatch.setattr(input_file, "MAX_BYTES", len(GOOD.encode()))
    read_input(path, RUN)
    monkeypatch.setattr(input_file, "MAX_BYTES", len(GOOD.encode()) - 1)
    assert "is larger than" in refused(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_one_altered_byte_is_read_or_refused_but_never_anything_else(path, place, byte):
    content = bytearray(GOOD.encode())
    content[place] = byte
    path.write_bytes(content)
    try:
        found = read_input(path, RUN)
    except ContractError as error:
        told = str(error)
    else:
        told = f"{path}: read"
        assert (found.content.run_id, found.sha256) == (RUN, sha256_hex(bytes(content)))
    assert str(path) in told
    assert len(told.splitlines()) == 1
