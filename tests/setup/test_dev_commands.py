"""``./dev``: what its commands pass on to the tools, and what they give back."""

from __future__ import annotations

import pytest

RESULTS = "--alluredir=reports/allure-results --clean-alluredir"


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["drills"], f"pytest drills -n 3 {RESULTS}"),
        (["test"], "pytest tests -n 2"),
        (["drills", "-n", "2", "-k", "data"], f"pytest drills -n 2 -k data {RESULTS}"),
        (["drills", "drills/data"], f"pytest drills/data {RESULTS}"),
        (["drills", "--deselect", "drills/data"], f"pytest drills --deselect drills/data {RESULTS}"),
        (["drills", "--alluredir=mine"], "pytest drills --alluredir=mine"),
        (["drills", "--alluredir", "mine"], "pytest drills --alluredir mine"),
        (["drills", "-p", "no:allure_pytest"], "pytest drills -p no:allure_pytest"),
        (["drills", "--collect-only"], "pytest drills --collect-only"),
        (["mutants", "-x"], "pytest drills --opslab-mutants -x"),
        (["test", "-k", "a b"], "pytest tests -k a b"),
        (["test", "tests/setup/test_x.py::test_y"], "pytest tests/setup/test_x.py::test_y"),
        (["bench", "--table"], "python -m benchmarks --table"),
        (["docs"], "mkdocs build --strict"),
        (["docs", "serve", "--open"], "mkdocs serve --strict --dev-addr 127.0.0.1:8000 --open"),
    ],
)
def test_words_reach_the_tool(machine, words, call):
    machine.python()
    assert machine.run(*words).returncode == 0
    assert machine.log.read_text().splitlines()[-1] == call


def test_the_exit_code_is_the_tools(machine):
    machine.python()
    machine.fails("pytest", 5)
    assert machine.run("drills").returncode == 5


def test_it_works_from_any_directory_and_through_a_link(machine, tmp_path):
    machine.python()
    link = tmp_path / "link"
    link.symlink_to(machine.lab / "dev")
    assert machine.run("test", script=link, cwd=tmp_path).returncode == 0
    assert (machine.lab / ".venv").is_dir()


def test_check_runs_every_tool_and_names_those_that_failed(machine):
    machine.python()
    machine.fails("ruff", 1)
    machine.fails("deptry", 2)
    result = machine.run("check")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "dev: failed: ruff ruff deptry"
    assert machine.calls("codespell")


def test_check_asks_the_generator_of_references_when_there_is_one(machine):
    machine.python()
    (machine.lab / "docs").mkdir()
    (machine.lab / "docs/generate.py").touch()
    assert machine.run("check").returncode == 0
    assert machine.calls("python docs/generate.py") == ["python docs/generate.py --check"]


# --- the Allure page ---


def with_results(machine):
    results = machine.lab / "reports/allure-results"
    results.mkdir(parents=True)
    (results / "1-result.json").write_text("{}")


def test_report_without_results_says_what_to_run(machine):
    result = machine.run("report")
    assert result.returncode == 1
    assert result.stderr == "dev: no results in reports/allure-results: run ./dev drills first\n"


@pytest.mark.parametrize("present", ["node", "npx"])
def test_report_without_node_or_npx_says_what_to_install(machine, present):
    with_results(machine)
    machine.command(present, "exit 0")
    result = machine.run("report")
    assert result.returncode == 1
    assert "install node with npx" in result.stderr


def test_report_leaves_no_analytics_in_the_page_and_prints_where_it_is(machine):
    with_results(machine)
    machine.command("node", "echo v22.0.0")
    machine.command(
        "npx",
        f'printf "npx %s\\n" "$*" >>"{machine.log}"; mkdir -p reports/allure-report\n'
        "printf '%s\\n' '<html>' '<script async src=\"https://www.googletagmanager.com/gtag/js?id=G-1\"></script>' '</html>' "
        ">reports/allure-report/index.html",
    )
    result = machine.run("report")
    page = machine.lab / "reports/allure-report/index.html"
    assert (result.returncode, result.stdout) == (0, f"allure={page}\n")
    assert page.read_text() == "<html>\n</html>\n"
    assert machine.calls("npx --yes allure@3.")


def test_report_makes_the_page_of_the_last_session_first(machine):
    machine.python()
    (machine.lab / "artifacts/sessions/20260101t000000z-0000").mkdir(parents=True)
    (machine.lab / "artifacts/sessions/20260101t000000z-0000/session.json").write_text("{}")
    result = machine.run("report")
    assert machine.calls("tc ") == [f"tc --root {machine.lab} run page"]
    assert result.returncode == 1
    assert "no results in reports/allure-results" in result.stderr


def test_a_page_that_cannot_be_made_does_not_keep_the_allure_report_away(machine):
    machine.python()
    machine.fails("tc", 1)
    with_results(machine)
    (machine.lab / "artifacts/sessions/s").mkdir(parents=True)
    (machine.lab / "artifacts/sessions/s/session.json").write_text("{}")
    result = machine.run("report")
    assert "the page of the last session could not be made" in result.stderr
    assert "install node with npx" in result.stderr


def test_report_that_allure_cannot_make_fails(machine):
    with_results(machine)
    machine.command("node", "exit 0")
    machine.command("npx", "echo 'npm error 404' >&2; exit 3")
    result = machine.run("report")
    assert result.returncode == 1
    assert "could not make the page" in result.stderr
