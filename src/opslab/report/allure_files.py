"""The files beside Allure's results: environment, categories and executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import pretty_json
from opslab.store.durable import make_directory, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CATEGORIES: tuple[dict[str, Any], ...] = (
    {"name": "Known engine defect", "matchedStatuses": ["passed"], "messageRegex": "(?s)known engine defect: .*"},
    {
        "name": "Verdict unknown",
        "matchedStatuses": ["failed"],
        "messageRegex": "(?s)unknown: .*",
    },
    {"name": "Budget exceeded", "matchedStatuses": ["failed"], "messageRegex": "(?s).*OPS-BUDGET-.*"},
    {"name": "Evidence broken", "matchedStatuses": ["failed"], "messageRegex": "(?s).*OPS-BUNDLE-.*"},
    {"name": "Trades on a price of the past", "matchedStatuses": ["failed"], "messageRegex": "(?s).*OPS-FILL-.*"},
    {"name": "Not deterministic", "matchedStatuses": ["failed"], "messageRegex": "(?s).*OPS-DET-.*"},
    {"name": "Bad data got through", "matchedStatuses": ["failed"], "messageRegex": "(?s).*OPS-DATA-.*"},
    {"name": "Toothless drill", "matchedStatuses": ["failed"], "messageRegex": "(?s).*OPS-TOOTHLESS.*"},
    {"name": "Other finding", "matchedStatuses": ["failed"]},
    {"name": "The lab itself failed", "matchedStatuses": ["broken"]},
)
"""Allure's categories, first match wins; findings begin with the stable codes that these expressions look for."""

_EXECUTORS = (
    ("GITHUB_ACTIONS", "GitHub Actions", "github", "GITHUB_RUN_NUMBER"),
    ("GITLAB_CI", "GitLab CI", "gitlab", "CI_PIPELINE_IID"),
    ("JENKINS_URL", "Jenkins", "jenkins", "BUILD_NUMBER"),
)


def write_side_files(results: Path, facts: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Write ``environment.properties``, ``categories.json`` and ``executor.json`` into Allure's results.

    Args:
        results: the directory given as ``--alluredir``.
        facts: what the environment was; never secrets.
        environ: looked at only for which CI this is and its build number.

    Raises:
        StoreError: a file cannot be written.
    """
    make_directory(results)
    lines = (f"{_escaped(name)}={_escaped(value)}" for name, value in sorted(facts.items()))
    write_bytes(results / "environment.properties", ("\n".join(lines) + "\n").encode())
    write_bytes(results / "categories.json", pretty_json(list(CATEGORIES)))
    write_bytes(results / "executor.json", pretty_json(_executor(environ)))


def _executor(environ: Mapping[str, str]) -> dict[str, Any]:
    for marker, name, kind, number in _EXECUTORS:
        if environ.get(marker):
            order = environ.get(number, "")
            build = int(order) if order.isdecimal() else 0
            return {
                "name": name,
                "type": kind,
                "buildOrder": build,
                "buildName": f"{name} {order}",
                "reportName": "Ops Lab",
            }
    return {"name": "local", "type": "local", "buildOrder": 0, "buildName": "local", "reportName": "Ops Lab"}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", " ").replace("\r", " ").replace("=", "\\=")
