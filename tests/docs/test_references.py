"""The generated references are what the code says, and nothing that a user may name is missing from them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

import opslab
from opslab.contract.registry import EVENTS
from opslab.contract.schemas import ARTIFACTS
from opslab.data.gate import CHECKS as GATE_CHECKS
from opslab.drill.info import BUDGETS
from opslab.pytest_plugin import fixtures, options
from opslab.root import ENV_PREFIX, MARKER_FILE

if TYPE_CHECKING:
    from pathlib import Path


def page(rendered, generate, name: str) -> str:
    return rendered[generate.REFERENCE / name].decode()


def missing(names, text: str) -> list[str]:
    return [name for name in names if not re.search(rf"`[^`\n]*(?<![\w-]){re.escape(name)}(?![\w-])", text)]


def test_a_name_that_is_missing_is_noticed():
    text = "| `--seed N` | `opslab_seed` | `run_id` |"
    assert missing(["--seed", "opslab_seed", "run_id"], text) == []
    assert missing(["--see", "seed", "opslab", "id"], text) == ["--see", "seed", "opslab", "id"]


def test_no_generated_file_has_drifted(generate, rendered):
    assert generate.drifted(rendered) == []


def test_another_process_gives_the_same_bytes(repository):
    """Sets of another process come in another order."""
    command = [sys.executable, "docs/generate.py", "--check"]
    ran = subprocess.run(
        command, cwd=repository, env={"PYTHONHASHSEED": "77", "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.fixture
def copy(generate, rendered, tmp_path) -> Path:
    generate.write(rendered, tmp_path)
    return tmp_path


def test_a_file_that_is_written_has_not_drifted(generate, rendered, copy):
    assert generate.drifted(rendered, copy) == []


@pytest.mark.parametrize("name", ["docs/reference/cli.md", "src/opslab/contract/schemas/v1/manifest.schema.json"])
def test_a_changed_file_is_named(generate, rendered, copy, name):
    with (copy / name).open("a") as file:
        file.write(" ")
    assert generate.drifted(rendered, copy) == [f"{name}: differs from what the code says"]


def test_a_missing_file_is_named(generate, rendered, copy):
    (copy / "docs/reference/checks.md").unlink()
    assert generate.drifted(rendered, copy) == ["docs/reference/checks.md: is missing"]


def test_a_file_that_is_generated_no_longer_is_named_and_removed(generate, rendered, copy):
    (copy / "docs/reference/old.md").touch()
    assert generate.drifted(rendered, copy) == ["docs/reference/old.md: is generated no longer; remove it"]
    generate.write(rendered, copy)
    assert generate.drifted(rendered, copy) == []


def test_check_exits_with_1_and_writes_nothing(generate, rendered, copy, monkeypatch, capsys):
    monkeypatch.setattr(generate, "ROOT", copy)
    monkeypatch.setattr(generate, "rendered", lambda: rendered)
    monkeypatch.setattr(generate.drifted, "__defaults__", (copy,))
    changed = copy / "docs/reference/cli.md"
    changed.write_text("edited by hand")
    assert generate.main(["--check"]) == 1
    assert "docs/reference/cli.md: differs" in capsys.readouterr().err
    assert changed.read_text() == "edited by hand"


def test_a_field_without_a_meaning_is_refused(generate, monkeypatch):
    monkeypatch.delitem(generate.contract.COMMON, "artifacts_dir")
    with pytest.raises(LookupError, match=r"Metadata\.artifacts_dir has no meaning"):
        generate.contract.render()


def test_every_artifact_event_and_field_is_documented(generate, rendered):
    text = page(rendered, generate, "contract.md")
    models = [*ARTIFACTS.values(), *EVENTS.values()]
    fields = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert missing([*EVENTS, *fields], text) == []
    assert [model.__name__ for model in ARTIFACTS.values() if f"## {model.__name__} " not in text] == []


def test_every_file_of_a_bundle_is_documented(generate, rendered, docs):
    from opslab.store import layout

    names = [name for name in vars(layout).values() if isinstance(name, str) and name.endswith((".json", "l", ".md"))]
    names = [name for name in names if re.fullmatch(r"\w+\.(json|jsonl|yaml|md|lock)", name)]
    assert len(names) > 7
    for text in (page(rendered, generate, "contract.md"), (docs / "concepts/runs.md").read_text()):
        assert missing(names, text) == []


def test_every_option_setting_and_marker_is_documented(generate, rendered):
    text = page(rendered, generate, "plugin.md")
    markers = [marker.partition("(")[0] for marker in options.MARKERS]
    names = [name for name, _ in options.OPTIONS] + [name for name, *_ in options.INI]
    assert missing([*names, *markers, *BUDGETS], text) == []


def test_every_fixture_and_public_name_is_documented(generate, rendered):
    text = page(rendered, generate, "plugin.md")
    assert [name for name in fixtures.__all__ if f"### `{name}`\n\n" not in text] == []
    assert missing(opslab.__all__, text.partition("## Public names")[2]) == []


def test_every_hook_is_documented_with_an_example(generate, rendered):
    text = page(rendered, generate, "plugin.md")
    hooks = generate.plugin.hooks()
    assert len(hooks) >= 4
    for hook in hooks:
        section = text.partition(f"### `{hook}(")[2].partition("\n### ")[0]
        assert f"```python\ndef {hook}(" in section


def test_every_command_and_option_of_tc_is_documented(generate, rendered):
    import typer

    from opslab.cli.main import app

    text = page(rendered, generate, "cli.md")
    commands = dict(generate.commands.walked(("tc",), typer.main.get_command(app)))
    assert len(commands) > 12
    for words, command in commands.items():
        section = text.partition(f"# `{' '.join(words)}`\n")[2].partition("\n#")[0]
        assert section
        assert missing([name for option in command.params for name in option.opts], section) == []


def test_every_check_is_documented_with_its_codes(generate, rendered, docs):
    text = page(rendered, generate, "checks.md")
    for name, check in generate.checks.own_checks().items():
        section = text.partition(f"## `{name}` ")[2].partition("\n## ")[0]
        assert check.summary.replace("``", "`")[:40] in section
        assert missing(generate.checks.codes_of(check.judge), section) == []
    assert missing(GATE_CHECKS, text) == []
    assert missing(GATE_CHECKS, (docs / "concepts/data.md").read_text()) == []


def test_the_codes_of_a_check_include_those_of_the_functions_it_calls(generate):
    codes = generate.checks.codes_of(generate.checks.own_checks()["fills.next_open"].judge)
    assert {"OPS-FILL-SAME-BAR", "OPS-FILL-NOT-OPEN", "OPS-FILL-OFF-CANDLE"} <= codes


def test_every_drill_has_a_mutant_and_its_runbook_exists(generate, repository, rendered):
    rows = generate.drills.collected(repository)
    assert len(rows) > 10
    assert [row["slug"] for row in rows if not row["mutants"]] == []
    assert [row["runbook"] for row in rows if row["runbook"] and not (repository / row["runbook"]).is_file()] == []
    assert missing([row["slug"] for row in rows], page(rendered, generate, "drills.md")) == []


def test_drills_that_cannot_be_collected_are_told(generate, tmp_path):
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills/test_broken.py").write_text("1 / 0\n")
    with pytest.raises(Exception, match=r"the drills cannot be collected: .*ZeroDivisionError"):
        generate.drills.collected(tmp_path)


def test_every_environment_variable_and_the_marker_are_documented(repository, docs):
    source = (repository / "src/opslab/root.py").read_text()
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    names = {ENV_PREFIX + text for text in texts if isinstance(text, str) and re.fullmatch(r"([A-Z]+_)?ROOT", text)}
    assert len(names) == 5
    assert missing([*names, MARKER_FILE], (docs / "concepts/runs.md").read_text()) == []


def test_every_dependency_is_explained(repository, docs):
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    names = {re.match(r"[\w.-]+", item)[0] for group in groups for item in group if isinstance(item, str)}
    assert missing(names, (docs / "adr/0007-dependencies.md").read_text()) == []
