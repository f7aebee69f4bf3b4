"""``docs/reference/plugin.md``: options, ini settings, markers, fixtures and hooks, from where they are declared."""

from __future__ import annotations

import inspect

import opslab
from opslab.pytest_plugin import fixtures, hookspecs, options

from .markdown import example, page, prose, table

LEAD = """\
pytest loads the plugin `opslab` as soon as the package is installed (`-p no:opslab` switches it off). Where no test
is a drill it stays out of the way: it writes nothing and imports neither the engine nor pandas."""

FILES = """## Files that become drills

`*.run.yaml` and `*.run.yml` files are collected wherever pytest is pointed at them: each is a run spec, its drill is
that the run completes and leaves a bundle that nobody can doubt. A module brings the files below a directory into its
own run by naming them:

```python
from opslab import Scenarios

scenarios = Scenarios("../scenarios")
```"""


def render() -> str:
    """Return the page."""
    return page(
        "Plugin",
        LEAD,
        "## Options\n\n"
        + table(
            ("option", "meaning"), ((f"`{_usage(name, told)}`", str(told["help"])) for name, told in options.OPTIONS)
        ),
        "## Settings\n\nIn `[tool.pytest]` of `pyproject.toml`, or in `pytest.ini`.\n\n"
        + table(
            ("setting", "default", "meaning"),
            ((f"`{name}`", f"`{value}`" if value else "", text) for name, text, value in options.INI),
        ),
        "## Markers\n\nA malformed marker is a usage error, exit code 4, before anything runs.\n\n"
        + table(("marker", "meaning"), (_marker(text) for text in options.MARKERS)),
        FILES,
        "## Fixtures\n\n" + "\n\n".join(_fixture(name) for name in sorted(fixtures.__all__)),
        "## Hooks\n\n" + prose(hookspecs).partition("\n\n")[2],
        *(_hook(name) for name in hooks()),
        "## Public names\n\nWhat `from opslab import ...` offers; everything else may change without notice.\n\n"
        + table(("name", "what it is"), ((f"`{name}`", _summary(name)) for name in opslab.__all__)),
    )


def hooks() -> list[str]:
    """Return the names of the hooks, in the order in which they are declared."""
    return [name for name, value in vars(hookspecs).items() if name.startswith("pytest_opslab_") and callable(value)]


def _usage(name: str, told: dict[str, object]) -> str:
    return f"{name} {told['metavar']}" if "metavar" in told else name


def _marker(text: str) -> tuple[str, str]:
    head, _, meaning = text.partition("): ")
    return f"`{head})`", meaning


def _fixture(name: str) -> str:
    function = inspect.unwrap(getattr(fixtures, name))
    return f"### `{name}`\n\n{prose(function)}"


def _hook(name: str) -> str:
    function = getattr(hookspecs, name)
    signature = ", ".join(inspect.signature(function).parameters)
    return f"### `{name}({signature})` {{ #{name} }}\n\n{prose(function)}\n\n{example(function)}"


def _summary(name: str) -> str:
    value = getattr(opslab, name)
    return f"the version, `{value}`" if isinstance(value, str) else prose(value).partition("\n")[0]
