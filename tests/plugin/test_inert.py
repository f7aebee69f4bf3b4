"""Where no drill is selected the plugin does nothing, and it gets on without the plugins that it likes."""

from __future__ import annotations

import pytest

HEAVY = ("pandas", "pydantic", "nautilus_trader", "pyarrow", "typer", "numpy", "prometheus_client", "yaml", "freezegun")
DRILL = "@pytest.mark.drill('a')\ndef test_it(drill):\n    drill.holds('demo.passes')"


def test_a_hundred_plain_tests_load_nothing_heavy_and_leave_nothing(tmp_path, apart) -> None:
    (tmp_path / "opslab.toml").write_text("")
    (tmp_path / "test_plain.py").write_text("".join(f"def test_{number}(): pass\n" for number in range(100)))
    (tmp_path / "conftest.py").write_text(
        "def pytest_unconfigure():\n    import sys\n"
        f"    print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
        "    print('ALLURE', 'opslab.report.allure' in sys.modules)\n"
    )
    done = apart(tmp_path, "-s")
    assert "HEAVY []" in done.stdout
    assert "ALLURE False" in done.stdout
    assert "100 passed" in done.stdout
    assert "ops drills" not in done.stdout
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {
        "opslab.toml",
        "test_plain.py",
        "conftest.py",
    }


def test_outside_a_lab_there_is_no_header(ops) -> None:
    (ops.path / "opslab.toml").unlink()
    ops.drills("def test_plain(): pass")
    result = ops.run()
    assert "opslab:" not in result.stdout.str().replace("tradingchassis-ops-lab", "")
    result.assert_outcomes(passed=1)


def test_a_broken_marker_file_stops_drills_only(ops) -> None:
    (ops.path / "opslab.toml").unlink()
    ops.write("pyproject.toml", "[tool.opslab\n")
    ops.drills("def test_plain(): pass")
    result = ops.run("-c", "pytest.toml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["opslab: *pyproject.toml: cannot be read: *; repair it"])
    ops.drills(DRILL)
    assert ops.run("-c", "pytest.toml").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    "words",
    ["-p no:allure_pytest", "-p no:xdist", "-p no:terminal", "-p no:timeout", "-q", "-qq", "-v", "-x"],
)
def test_drills_get_on_without(ops, words) -> None:
    ops.drills(DRILL)
    result = ops.run(*words.split())
    assert result.ret == 0
    assert ops.session()["verdicts"] == {"pass": 1}


def test_pytest_gets_on_without_the_plugin(ops) -> None:
    ops.write("conftest.py", "")
    ops.write("test_it.py", "def test_plain(): pass")
    result = ops.run("-p", "no:opslab")
    result.assert_outcomes(passed=1)
    assert not (ops.path / "artifacts").exists()


def test_collecting_writes_nothing(ops) -> None:
    ops.drills(DRILL)
    result = ops.run("--collect-only", "-q")
    result.stdout.fnmatch_lines(["test_it.py::test_it"])
    assert not (ops.path / "artifacts").exists()


def test_a_skipped_drill_is_not_begun(ops) -> None:
    ops.drills("@pytest.mark.skip(reason='x')\n" + DRILL)
    ops.run().assert_outcomes(skipped=1)
    assert [path.name for path in ops.path.rglob("artifacts/**/*.json")] == ["session.json"]
    assert ops.rows()["a"]["seed"] is None


def test_a_deselected_drill_leaves_nothing(ops) -> None:
    ops.drills(DRILL + "\ndef test_plain(): pass")
    ops.run("-k", "plain").assert_outcomes(passed=1, deselected=1)
    assert not (ops.path / "artifacts").exists()


def test_loading_the_plugin_imports_pytest_and_the_standard_library(tmp_path, apart) -> None:
    import subprocess
    import sys

    code = (
        "import sys, pytest\nbefore = set(sys.modules)\nimport opslab.pytest_plugin.plugin\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'opslab', 'pytest', '_pytest'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
