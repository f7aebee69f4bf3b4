"""``--opslab-pushgateway``: at a session's end its metrics are pushed once, and nothing about that can fail the session."""

from __future__ import annotations

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.report.gateway import recording

import opslab.report.pushgateway  # noqa: F401 - see conftest: what an in-process run imports is forgotten again

DRILL = "@pytest.mark.drill('{0}')\n@pytest.mark.mutant('m')\ndef test_{0}(drill):\n    drill.holds('demo.{1}')\n"
BOTH = DRILL.format("a", "passes") + DRILL.format("b", "fails")


@pytest.fixture
def serve():
    started = []

    def start(answer="ok", **more):
        started.append(recording(answer, **more))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


def warnings(result) -> list[str]:
    return [line for line in result.outlines if line.startswith("warning: ")]


def test_the_textfile_is_what_is_pushed(ops, serve) -> None:
    gateway = serve()
    ops.drills(BOTH)
    result = ops.run("--opslab-pushgateway", gateway.url)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"metrics pushed to {gateway.url}"])
    (request,) = gateway.requests
    assert (request.method, request.path) == ("PUT", "/metrics/job/opslab/environment/local/suite/drills")
    assert request.body == (ops.sessions[0] / "metrics.prom").read_bytes()
    families = {family.name: family for family in text_string_to_metric_families(request.body.decode())}
    verdicts = {s.labels["drill"]: s.value for s in families["tradingchassis_ops_lab_drill_pass"].samples}
    assert verdicts == {"a": 1, "b": 0}
    passes = families["tradingchassis_ops_lab_drill_last_pass_timestamp_seconds"].samples
    assert [sample.labels["drill"] for sample in passes] == ["a"]
    assert warnings(result) == []


def test_the_ini_file_names_what_the_command_line_does_not(ops, serve) -> None:
    asked, other = serve(), serve()
    ini = ("-o", f"opslab_pushgateway={asked.url}", "-o", "opslab_suite=smoke", "-o", "opslab_environment=eu/1")
    ops.drills(DRILL.format("a", "passes"))
    ops.run(*ini)
    ops.run(*ini, "--opslab-pushgateway", other.url)
    ops.run(*ini, "--opslab-pushgateway=")
    assert [request.path for request in asked.requests] == [
        "/metrics/job/opslab/environment@base64/ZXUvMQ==/suite/smoke"
    ]
    assert len(other.requests) == 1


@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["plain", "quiet"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [("500 Oh", "it answered 500"), ("302 Elsewhere", "it answered 302"), ("hang up", "Remote end closed *")],
)
def test_a_gateway_that_refuses_is_one_warning(ops, serve, answer, reason, quiet) -> None:
    elsewhere = serve()
    gateway = serve(answer, location=elsewhere.url)
    ops.drills(DRILL.format("a", "passes"))
    result = ops.run(*quiet, "--opslab-pushgateway", f"{gateway.url}/s3cret")
    assert result.ret == 0
    assert len(warnings(result)) == 1
    result.stdout.fnmatch_lines([f"warning: {gateway.url}: the session's metrics were not pushed: {reason}; *"])
    assert "s3cret" not in result.stdout.str() + result.stderr.str()
    assert "metrics pushed" not in result.stdout.str()
    assert elsewhere.requests == []
    assert ops.session()["verdicts"] == {"pass": 1}


def test_a_gateway_that_is_down_is_one_warning(ops, serve) -> None:
    gateway = serve()
    gateway.stop()
    ops.drills(DRILL.format("a", "passes"))
    result = ops.run("-W", "error", "--opslab-pushgateway", gateway.url)
    assert result.ret == 0
    assert len(warnings(result)) == 1
    assert (ops.sessions[0] / "metrics.prom").is_file()


def test_a_gateway_that_trickles_holds_up_nobody(ops, serve) -> None:
    ops.drills(DRILL.format("a", "passes"))
    gateway = serve("trickle of headers")
    began = time.monotonic()
    result = ops.run("--opslab-pushgateway", gateway.url)
    assert 2 <= time.monotonic() - began < 5
    assert result.ret == 0
    result.stdout.fnmatch_lines(["warning: *: the session's metrics were not pushed: no answer within 2 s; *"])


def test_trouble_that_nobody_thought_of_is_a_warning(ops, serve, monkeypatch) -> None:
    def crash(*_words: object) -> None:
        raise RuntimeError("http://me:s3cret@host")

    monkeypatch.setattr("opslab.report.pushgateway.push_session", crash)
    ops.drills(DRILL.format("a", "passes"))
    result = ops.run("--opslab-pushgateway", serve().url)
    assert result.ret == 0
    assert warnings(result) == ["warning: the metrics were not pushed: RuntimeError"]


@pytest.mark.parametrize(
    "words", [("--opslab-mutants",), ("--collect-only",), ("--opslab-plan",), ("-k", "plain")], ids=" ".join
)
def test_what_judges_no_drill_pushes_nothing(ops, serve, words) -> None:
    gateway = serve()
    ops.drills(BOTH + "def test_plain(): pass\n")
    result = ops.run("--opslab-pushgateway", gateway.url, *words)
    assert gateway.requests == []
    assert "pushed" not in result.stdout.str()


def test_an_interrupt_before_the_first_verdict_pushes_nothing(ops, serve) -> None:
    gateway = serve()
    ops.drills("@pytest.fixture(autouse=True)\ndef stops(): raise KeyboardInterrupt\n" + DRILL.format("a", "passes"))
    assert ops.run("--opslab-pushgateway", gateway.url, apart=True).ret == pytest.ExitCode.INTERRUPTED
    assert gateway.requests == []


def test_workers_leave_it_to_the_controller(ops, serve) -> None:
    gateway = serve()
    ops.drills("".join(DRILL.format(name, "passes") for name in "abcd"))
    assert ops.run("-n", "2", "--opslab-pushgateway", gateway.url, apart=True).ret == 0
    (request,) = gateway.requests
    assert request.body.decode().count("_drill_last_pass_timestamp_seconds{") == 4


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:9091", "ftp://host", "http://me:s3cret@host", "http://host?token=s3cret", "http://host:no", "http://"],
)
@pytest.mark.parametrize("drills", [True, False], ids=["drills", "plain"])
def test_a_malformed_address_stops_the_session_before_it_begins(ops, refused, url, drills) -> None:
    ops.drills(BOTH if drills else "def test_plain(): pass\n")
    for words in (("--opslab-pushgateway", url), ("-o", f"opslab_pushgateway={url}")):
        line = refused(*words)
        assert "opslab" in line.partition(":")[2]
        assert "; write it like http://127.0.0.1:9091" in line
        assert "s3cret" not in line


def test_a_malformed_group_is_a_usage_error(ops, refused) -> None:
    ops.drills(BOTH)
    assert "opslab_environment" in refused("--opslab-pushgateway", "http://host", "-o", "opslab_environment=")


def test_nothing_is_loaded_for_it_before_the_end(tmp_path, apart) -> None:
    (tmp_path / "test_plain.py").write_text("def test_plain(): pass\n")
    (tmp_path / "conftest.py").write_text(
        "def pytest_unconfigure():\n    import sys\n"
        "    print('HEAVY', sorted({'pydantic', 'prometheus_client', 'nautilus_trader'} & set(sys.modules)))\n"
    )
    done = apart(tmp_path, "-s", "--opslab-pushgateway", "http://127.0.0.1:9091")
    assert "HEAVY []" in done.stdout
