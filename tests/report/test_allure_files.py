"""The files beside Allure's results: readable, escaped, and silent about secrets."""

from __future__ import annotations

import json
import re

import pytest

from opslab.report.allure_files import CATEGORIES, write_side_files


def written(path, facts=None, environ=None):
    write_side_files(path, facts or {}, environ or {})
    return {file.name: file.read_text() for file in path.iterdir()}


def test_the_three_files_are_written(tmp_path):
    files = written(tmp_path / "results", {"b": "2", "a": "1"})
    assert set(files) == {"environment.properties", "categories.json", "executor.json"}
    assert files["environment.properties"] == "a=1\nb=2\n"
    assert json.loads(files["categories.json"]) == list(CATEGORIES)
    assert json.loads(files["executor.json"])["type"] == "local"


def test_a_value_stays_on_its_line(tmp_path):
    (line,) = written(tmp_path, {"a=b": "x\ny=z\\"})["environment.properties"].splitlines()
    assert line == "a\\=b=x y\\=z\\\\"


@pytest.mark.parametrize(
    ("environ", "kind", "order"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_RUN_NUMBER": "12"}, "github", 12),
        ({"GITLAB_CI": "true", "CI_PIPELINE_IID": "3"}, "gitlab", 3),
        ({"JENKINS_URL": "http://ci", "BUILD_NUMBER": "x"}, "jenkins", 0),
    ],
)
def test_the_executor_is_the_ci(tmp_path, environ, kind, order):
    files = written(tmp_path, environ={**environ, "API_SECRET": "hush"})
    executor = json.loads(files["executor.json"])
    assert (executor["type"], executor["buildOrder"]) == (kind, order)
    assert "hush" not in "".join(files.values())


def test_every_expression_is_one():
    for category in CATEGORIES:
        re.compile(category.get("messageRegex", ""))
