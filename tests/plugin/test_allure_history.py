"""Allure's history ids are the same in every session, and differ between drills, variants and mutants."""

from __future__ import annotations

import json

import pytest

DRILLS = """
import pytest
@pytest.mark.drill("a")
@pytest.mark.mutant("one")
@pytest.mark.mutant("two")
@pytest.mark.parametrize("x", ["left", "right"])
def test_it(drill, x):
    drill.holds("demo.fails" if drill.mutant else "demo.passes")
"""


@pytest.mark.parametrize(("mutants", "results"), [((), 2), (("--opslab-mutants",), 4)], ids=["drills", "mutants"])
def test_history_ids_are_stable(tmp_path, checks_text, apart, mutants, results) -> None:
    for name, text in {"opslab.toml": "", "conftest.py": checks_text, "test_it.py": DRILLS}.items():
        (tmp_path / name).write_text(text)
    seen = []
    for number, seed in enumerate(("1", "2")):
        apart(tmp_path, f"--alluredir=allure-{number}", "--opslab-seed", seed, *mutants)
        files = (tmp_path / f"allure-{number}").glob("*-result.json")
        seen.append({(one := json.loads(file.read_text()))["name"]: one["historyId"] for file in files})
    assert seen[0] == seen[1]
    assert len(seen[0]) == len(set(seen[0].values())) == results
