"""The digest of a strategy's code: one of the inputs that decide a run's result."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, ModuleType


def code_sha256(factory: Any) -> str:
    """Return the SHA-256 of the code behind a strategy factory.

    It covers every ``.py`` file of the top-level package that the factory belongs to (relative paths and contents), or
    the one source file of a module outside any package, so that an edit to any of it shows. A function without a source
    file (typed at a prompt) is covered by its compiled code. Values bound by a closure or ``functools.partial`` are not
    covered: hand them over as the spec's ``strategy.params``, which are.

    Raises:
        EngineError: there is neither a source file nor Python code (a compiled extension).
    """
    function = _unwrapped(factory)
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    digest = hashlib.sha256()
    found = False
    for name, content in _sources(module) if module else ():
        found = True
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    if not found:
        code = getattr(function, "__code__", None) or getattr(getattr(function, "__init__", None), "__code__", None)
        if code is None:
            raise EngineError(
                f"the code of strategy factory {factory!r:.80} cannot be read", fix="register a Python function"
            )
        _add_code(digest, code)
    return digest.hexdigest()


def _unwrapped(factory: Any) -> Any:
    while isinstance(factory, functools.partial):
        factory = factory.func
    if not isinstance(factory, type) and not hasattr(factory, "__code__") and not hasattr(factory, "__wrapped__"):
        factory = getattr(factory, "__func__", None) or type(factory)
    return inspect.unwrap(factory)


def _sources(module: ModuleType) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each source file that counts, in a stable order."""
    package = _top_package(module)
    if package is None:
        file = Path(getattr(module, "__file__", None) or "")
        if file.suffix == ".py" and file.is_file():
            yield module.__name__.rpartition(".")[2], file.read_bytes()
        return
    for base in sorted(Path(place) for place in package.__path__):
        for name, path in sorted(_python_files(str(base))):
            yield name, Path(path).read_bytes()


def _python_files(base: str) -> Iterator[tuple[str, str]]:
    """Yield the ``.py`` files below ``base``: their paths from there, with ``/``, and from here.

    A package has hundreds: taking each path apart as a ``Path`` costs more than reading the files.
    """
    for directory, _, names in os.walk(base):
        for name in names:
            file = os.path.join(directory, name)  # noqa: PTH118 - see above
            if name.endswith(".py") and os.path.isfile(file):  # noqa: PTH113 - see above
                yield file[len(base) :].strip(os.sep).replace(os.sep, "/"), file


def _top_package(module: ModuleType) -> ModuleType | None:
    """Return the outermost regular package above ``module``; a namespace package holds unrelated projects."""
    parts = module.__name__.split(".")
    for count in range(1, len(parts) + 1):
        package = sys.modules.get(".".join(parts[:count]))
        if package is not None and hasattr(package, "__path__") and getattr(package, "__file__", None):
            return package
    return None


def _add_code(digest: Any, code: CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode())
    for constant in code.co_consts:
        if inspect.iscode(constant):
            _add_code(digest, constant)
        else:
            digest.update(repr(constant).encode())
