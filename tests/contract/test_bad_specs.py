"""Every bad spec is one clear line with file and line, and never another exception."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opslab.contract.spec import RunSpec
from opslab.contract.spec_file import MAX_BYTES, parse_spec, read_spec
from opslab.errors import SpecError

GOOD = (Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_backtest.run.yaml").read_bytes()
LAUGHS = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("j"))
)


def refused(content: bytes) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(content, "my.yaml")
    told = str(caught.value)
    assert "\n" not in told
    assert told.startswith("my.yaml")
    assert len(told) < 850
    return told


@pytest.mark.parametrize(
    ("content", "place", "what"),
    [
        pytest.param(b"", "my.yaml: ", "empty", id="empty"),
        pytest.param(b"# only a comment\n", "my.yaml: ", "empty", id="comment"),
        pytest.param(b"- a\n- b\n", "my.yaml: ", "mapping", id="list"),
        pytest.param(b"text", "my.yaml: ", "mapping", id="scalar"),
        pytest.param(GOOD + b"\xff\xfe", "my.yaml:20: ", "UTF-8", id="not-utf-8"),
        pytest.param("run_id: x".encode("utf-16"), "my.yaml:1: ", "UTF-8", id="utf-16"),
        pytest.param(GOOD + b"\x00\x01", "my.yaml:20: ", "control characters", id="binary"),
        pytest.param(b"run_id: [1, 2\n", "my.yaml:2: ", "not valid YAML", id="unclosed"),
        pytest.param(b"run_id: a\n\tmode: b\n", "my.yaml:2: ", "not valid YAML", id="tab"),
        pytest.param(GOOD + b"---\na: 1\n", "my.yaml:20: ", "single document", id="two-documents"),
        pytest.param(GOOD + b"mode: paper\n", "my.yaml:20: ", "'mode' is given twice (first in line 4)", id="twice"),
        pytest.param(GOOD + b'"mode": paper\n', "my.yaml:20: ", "given twice", id="twice-quoted"),
        pytest.param(GOOD + b"<<: {mode: paper}\n", "my.yaml:20: ", "'mode' is merged over one in line 4", id="merged"),
        pytest.param(
            b"<<: {mode: paper}\n" + GOOD, "my.yaml:1: ", "'mode' is merged over one in line 5", id="merged-1st"
        ),
        pytest.param(GOOD + b"<<: [{seed: 1}, {seed: 2}]\n", "my.yaml:20: ", "'seed' is merged over", id="merged-both"),
        pytest.param(GOOD + b"<<: {<<: {<<: {mode: paper}}}\n", "my.yaml:20: ", "'mode' is merged", id="merged-deep"),
        pytest.param(b"<<: 7\n" + GOOD, "my.yaml:1: ", "mapping", id="merged-number"),
        pytest.param(
            GOOD.replace(b"  profile: tiny", b"  profile: a\n  profile: b"), "my.yaml:16: ", "twice", id="deep"
        ),
        pytest.param(LAUGHS, "my.yaml: ", "expands to more than", id="alias-bomb"),
        pytest.param(b"a: &a [*a]\n", "my.yaml:1: ", "contains itself", id="alias-loop"),
        pytest.param(b"a: " + b"[" * 5000, "my.yaml:1: ", "nested deeper", id="deep-list"),
        pytest.param(b"a: " + b"{b: " * 5000, "my.yaml:1: ", "nested deeper", id="deep-mapping"),
        pytest.param(GOOD + b"1: x\n", "my.yaml:20: ", "key '1' is not a word", id="number-key"),
        pytest.param(GOOD + b"? [a]\n: x\n", "my.yaml:20: ", "is not a word", id="list-key"),
        pytest.param(GOOD + b"seed: !!python/object/apply:os.system [ls]\n", "my.yaml:20: ", "constructor", id="tag"),
        pytest.param(GOOD + b"seed: !!bool x\n", "my.yaml:20: ", "cannot be read as bool", id="bad-bool"),
        pytest.param(GOOD + b"seed: !!timestamp x\n", "my.yaml:20: ", "cannot be read as timestamp", id="bad-stamp"),
        pytest.param(GOOD + b"seed: " + b"9" * 5000 + b"\n", "my.yaml:20: ", "cannot be read as int", id="long-int"),
        pytest.param(GOOD + b"sed: 1\n", "my.yaml:20: ", "sed: unknown key; did you mean 'seed'?", id="misspelt"),
        pytest.param(GOOD + b"zzzzzz: 1\n", "my.yaml:20: ", "unknown key; remove it", id="unknown"),
        pytest.param(
            GOOD.replace(b"profile:", b"profil:"), "my.yaml:15: ", "did you mean 'profile'?", id="deep-misspelt"
        ),
        pytest.param(GOOD.replace(b"venue: binance\n", b""), "my.yaml:", "venue: is missing; add it", id="missing"),
        pytest.param(GOOD.replace(b"0.1.0", b"0.1"), "my.yaml:10: ", "strategy.version: must be a string", id="float"),
        pytest.param(GOOD.replace(b"BTCUSDT", b"' '"), "my.yaml:7: ", "instrument: must be a non-empty", id="blank"),
        pytest.param(GOOD.replace(b"mode: backtest", b"mode: live"), "my.yaml:4: ", "mode: ", id="mode"),
        pytest.param(GOOD + b"seed: -1\n", "my.yaml:20: ", "seed: ", id="negative-seed"),
        pytest.param(GOOD + b"seed: '1'\n", "my.yaml:20: ", "seed: ", id="text-seed"),
        pytest.param(GOOD + b"execution: {fill: now}\n", "my.yaml:20: ", "execution.fill", id="fill"),
        pytest.param(GOOD + b"execution: {starting_balance: .inf}\n", "my.yaml:20: ", "starting_balance", id="inf"),
        pytest.param(GOOD + b"execution: {starting_balance: 1e400}\n", "my.yaml:20: ", "starting_balance", id="1e400"),
        pytest.param(
            GOOD.replace(b"tiny", b"tiny\n  limits: {max_open_orders: 0}"), "my.yaml:16: ", "max_open_orders", id="zero"
        ),
        pytest.param(
            GOOD.replace(b"0.1.0", b"0.1.0\n  params: {a: .nan}"),
            "my.yaml:11: ",
            "params.a: must be a finite",
            id="nan",
        ),
        pytest.param(
            GOOD.replace(b"0.1.0", b"0.1.0\n  params: {a: [1]}"),
            "my.yaml:11: ",
            "params.a: must be true",
            id="list-param",
        ),
        pytest.param(
            GOOD.replace(b"0.1.0", b"0.1.0\n  params: {a: 0x" + b"f" * 6000 + b"}"),
            "my.yaml:11: ",
            "64 bits",
            id="huge",
        ),
        pytest.param(
            GOOD + b"connectivity_readiness: {credential_placeholders: {required_env: [A, A]}}\n",
            "my.yaml:20: ",
            "twice",
            id="env-twice",
        ),
        pytest.param(
            GOOD + b"connectivity_readiness: {credential_placeholders: {required_env: [A], optional_env: [A]}}\n",
            "my.yaml:20: ",
            "both name A",
            id="env-overlap",
        ),
        pytest.param(
            GOOD + b"connectivity_readiness: {credential_placeholders: {required_env: [lower]}}\n",
            "my.yaml:20: ",
            "not an environment variable name",
            id="env-name",
        ),
        pytest.param(
            GOOD + b"connectivity_readiness: {venue: kraken}\n", "my.yaml:", "not the spec's venue", id="venue"
        ),
    ],
)
def test_a_bad_spec_is_told_with_its_line(content, place, what):
    told = refused(content)
    assert told.startswith(place)
    assert what in told


@pytest.mark.parametrize(
    "run_id",
    ["../x", "/etc/x", "a\\0b", "a\\nb", "a" * 300, "\uff52un", "r\u03c5n", ".hidden", "-x", "a..b", "a/b", "a b", "~"],
)
def test_an_unsafe_run_id_is_told_with_its_line(run_id):
    content = GOOD.replace(b"2026-05-20-btcusdt-backtest-001", f'"{run_id}"'.encode())
    told = refused(content)
    assert told.startswith("my.yaml:3: run_id: ")
    assert "not a safe name" in told


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "is a directory"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.write_bytes(b"#" * 10_000_000), f"larger than {MAX_BYTES // 1024} KiB"),
        (lambda path: path.symlink_to(path), "symbolic links"),
    ],
    ids=["missing", "directory", "fifo", "10-MB", "link-loop"],
)
def test_a_path_that_is_no_small_file_is_told(tmp_path, make, what):
    path = tmp_path / "my.yaml"
    make(path)
    with pytest.raises(SpecError, match=what) as caught:
        read_spec(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_a_path_that_cannot_exist_is_told(path):
    with pytest.raises(SpecError, match="cannot be read"):
        read_spec(path)


def is_spec_or_one_line(content: bytes) -> bool:
    try:
        spec, _ = parse_spec(content, "my.yaml")
    except SpecError as error:
        return len(str(error).splitlines()) == 1
    return isinstance(spec, RunSpec) and len(spec.config_sha256()) == 64 and bool(spec.decisive())


def test_a_merge_that_replaces_nothing_is_read():
    assert b"\nseed:" not in GOOD
    spec, _ = parse_spec(GOOD + b"<<: [{seed: 11}]\n", "my.yaml")
    assert spec == parse_spec(GOOD + b"seed: 11\n", "my.yaml")[0]
    assert spec.seed == 11


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b"!!set {a}")
@example(b"<<: {a: 1}")
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_spec_or_a_spec_error(content):
    assert is_spec_or_one_line(content)


@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 12),
    st.binary(max_size=12) | st.sampled_from([b"&a ", b"*a", b"!!", b"? "]),
)
@settings(max_examples=250, deadline=None)
def test_a_damaged_spec_is_a_spec_or_a_spec_error(at, cut, added):
    assert is_spec_or_one_line(GOOD[:at] + added + GOOD[at + cut :])


SCALARS = st.sampled_from(
    ["1", "x", "!!int x", "!!bool x", "!!timestamp y", "2024-13-01", "1e400", "0o9", "~", "*a", "''"]
)
NODES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(SCALARS, inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
        )
        | inner.map(lambda item: f"&a {item}")
    ),
    max_leaves=8,
)


@given(st.sampled_from(["seed", "execution", "strategy", "risk", "data", "extra", "run_id"]), NODES)
@settings(max_examples=250, deadline=None)
def test_any_yaml_below_a_key_is_a_spec_or_a_spec_error(key, value):
    kept = b"".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(key.encode()))
    assert is_spec_or_one_line(kept + f"{key}: {value}\n".encode())


@pytest.mark.parametrize("seed", range(3))
def test_work_is_bounded_for_the_biggest_files(seed):
    draw = random.Random(seed)
    words = [b"[", b"{", b"a: ", b"&x ", b"*x ", b"- ", b"\n", b"!!int ", b"'", b"1:59:", b", "]
    content = b"".join(draw.choices(words, k=MAX_BYTES // 4))[:MAX_BYTES]
    started = time.monotonic()
    refused(content)
    assert time.monotonic() - started < 10
