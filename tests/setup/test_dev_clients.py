"""``./dev clients``: an independent client comes into an environment of its own, which is gone afterwards."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def made(machine):
    """Where the throw-away environment is; its pip ends with what ``fail-pip`` says."""
    machine.python()
    place = machine.box / "made"
    python = f'echo "pip $*" >>"{machine.log}"; [ ! -f "{machine.box}/fail-pip" ]'
    (machine.box / "client-python").write_text(f"#!/bin/sh\n{python}\n")
    (machine.box / "client-python").chmod(0o755)
    machine.command(
        "mktemp", f'mkdir -p "{place}/bin"; cp "{machine.box}/client-python" "{place}/bin/python"; echo "{place}"'
    )
    (machine.lab / "requirements-clients.lock").touch()
    return place


def test_the_clients_are_tried_and_their_environment_is_gone(machine, made):
    assert machine.run("clients", "-x").returncode == 0
    assert machine.log.read_text().splitlines()[-1] == "pytest tests/venue/test_ccxt.py -x"
    (installed,) = machine.calls("pip -m pip install")
    assert "--only-binary :all: --no-deps --require-hashes -r requirements-clients.lock" in installed
    assert not made.exists()


def test_a_client_that_fails_fails_the_command(machine, made):
    machine.fails("pytest", 1)
    assert machine.run("clients").returncode == 1
    assert not made.exists()


def test_without_a_network_it_says_so(machine, made):
    (machine.box / "fail-pip").touch()
    ran = machine.run("clients")
    assert (ran.returncode, machine.calls("pytest")) == (0, [])
    assert "skipped: " in ran.stderr.splitlines()[-1]
    assert not made.exists()


def test_the_lock_is_hashed_and_names_no_address(repository):
    text = (repository / "requirements-clients.lock").read_text()
    pins = re.findall(r"^[a-z0-9-]+==(?:.*\\\n)*.*$", text, re.MULTILINE)
    assert any(pin.startswith("ccxt==") for pin in pins)
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
