"""``requirements.lock``: hashed, without addresses, and in step with what the project declares."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@pytest.fixture
def pins(repository) -> dict[str, str]:
    """Each locked distribution's entry: its version and its hashes."""
    text = (repository / "requirements.lock").read_text()
    return {found[1]: found[0] for found in re.finditer(r"^([a-z0-9-]+)==(?:.*\\\n)*.*$", text, re.MULTILINE)}


def declared(repository) -> list[Requirement]:
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    words = [word for group in groups for word in group if isinstance(word, str)]
    return [
        Requirement(word) for word in project["project"]["dependencies"] + words + project["build-system"]["requires"]
    ]


def test_no_address_stands_in_the_lock(repository):
    text = (repository / "requirements.lock").read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_every_pin_has_a_hash(pins):
    assert pins
    assert not [name for name, entry in pins.items() if "--hash=sha256:" not in entry]


def test_everything_that_the_project_declares_is_locked_in_a_version_that_it_allows(pins, repository):
    versions = {name: Version(re.match(r"[^=]+==([^ ]+)", entry)[1]) for name, entry in pins.items()}
    wrong = [
        str(need) for need in declared(repository) if versions.get(canonicalize_name(need.name)) not in need.specifier
    ]
    assert not wrong


def test_the_editable_installation_needs_no_build_environment(pins):
    assert {"hatchling", "editables"} <= pins.keys()
