"""Where the lab's files live: one rule for ``tc`` and the plugin.

The root is ``--root``, else ``TRADINGCHASSIS_OPS_LAB_ROOT``, else the nearest ancestor directory that bears the lab's
marker (an ``opslab.toml``, or a ``pyproject.toml`` with a ``[tool.opslab]`` table), else the working directory, which
is recorded as unmarked: a paper run refuses there.
"""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.errors import RootError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MARKER_FILE = "opslab.toml"
ENV_PREFIX = "TRADINGCHASSIS_OPS_LAB_"


@dataclass(frozen=True)
class Lab:
    """The lab's root and the roots below it, all absolute.

    Attributes:
        root: the lab's directory.
        source: what decided it: ``option``, ``environment``, ``marker`` or ``working_directory``.
        data: ``data/``, with ``canonical/``, ``quarantine/`` and so on below it.
        runs: ``artifacts/runs/``, one bundle a run.
        evidence: ``artifacts/evidence/``.
        sessions: ``artifacts/sessions/``.
        kill_switch: ``runtime/kill_switch/``.
    """

    root: Path
    source: str
    data: Path
    runs: Path
    evidence: Path
    sessions: Path
    kill_switch: Path

    @property
    def is_marked(self) -> bool:
        """Whether somebody said that this is a lab, rather than nothing else being found."""
        return self.source != "working_directory"


def find_lab(
    option: str | Path | None, environ: Mapping[str, str], starts: Sequence[Path], *, is_text: bool = True
) -> Lab:
    """Return the lab that ``option``, the environment or the nearest marker above ``starts`` names.

    Args:
        option: the value of ``--root``, if given.
        environ: environment variables; single roots below the lab's root may be named there too. A relative value
            is taken from the root, so that it means the same from every working directory.
        starts: directories whose ancestors are searched, in order; the first is the fallback.
        is_text: whether the roots' names must be text, since what is made there records them. The kill switch is
            reached under any name.

    Raises:
        RootError: a named root is missing, not a directory, or its marker file is malformed; or as ``require_text``.
    """
    root, source = _choose(option, environ, starts)
    if not os.path.isdir(root):  # noqa: PTH112 - a name too long is no directory either
        raise RootError(
            "the lab's root is not a directory", where=root, fix=f"make it, or correct what named it ({source})"
        )
    root = root.resolve()

    def below(variable: str, default: str) -> Path:
        return (root / (environ.get(ENV_PREFIX + variable, "").strip() or default)).absolute()

    lab = Lab(
        root=root,
        source=source,
        data=below("DATA_ROOT", "data"),
        runs=below("ARTIFACTS_ROOT", "artifacts/runs"),
        evidence=below("EVIDENCE_ROOT", "artifacts/evidence"),
        sessions=root / "artifacts" / "sessions",
        kill_switch=below("RUNTIME_ROOT", "runtime/kill_switch"),
    )
    for path in (lab.root, lab.data, lab.runs, lab.evidence, lab.kill_switch) if is_text else ():
        require_text(path)
    return lab


def require_text(path: Path) -> None:
    """Refuse a path that cannot be written down: what the lab makes names it, in UTF-8.

    Raises:
        RootError: its bytes are no UTF-8, or the locale has Python read them as something else (PEP 538 and 540).
    """
    try:
        raw = os.fsencode(path)
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        fix, shown = "rename it; letters of any script will do", raw.decode("utf-8", "backslashreplace")
        raise RootError("a name in it is no UTF-8 text", where=shown, fix=fix) from error
    except UnicodeEncodeError:
        name = ""
    if name != os.fspath(path):
        what = f"the locale has Python read names as {sys.getfilesystemencoding()}, and this one is UTF-8"
        fix = "set PYTHONUTF8=1, or a UTF-8 locale such as LC_ALL=C.UTF-8"
        raise RootError(what, where=name or path, fix=fix)


def confined(base: Path, *parts: str) -> Path:
    """Return the path of ``parts`` below ``base``, refusing symlinks on the way and anything outside.

    Raises:
        RootError: the path would leave ``base`` or passes through a symlink.
    """
    path = base
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise RootError("is a symlink, which the lab does not follow", where=path, fix="replace it by a real file")
    if not path.resolve().is_relative_to(base.resolve()):
        raise RootError(f"leads out of {base}", where=path, fix="use a plain name")
    return path


def _choose(option: str | Path | None, environ: Mapping[str, str], starts: Sequence[Path]) -> tuple[Path, str]:
    if option is not None and str(option).strip():
        return starts[0] / option, "option"
    if named := environ.get(ENV_PREFIX + "ROOT", "").strip():
        return starts[0] / named, "environment"
    for start in starts:
        for candidate in (start, *start.parents):
            if _is_marked(candidate):
                return candidate, "marker"
    return starts[0], "working_directory"


def _is_marked(directory: Path) -> bool:
    if (directory / MARKER_FILE).is_file():
        return True
    project = directory / "pyproject.toml"
    if not project.is_file():
        return False
    try:
        with project.open("rb") as file:
            tools = tomllib.load(file).get("tool")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise RootError(f"cannot be read: {error}", where=project, fix="repair it") from error
    return isinstance(tools, dict) and isinstance(tools.get("opslab"), dict)
