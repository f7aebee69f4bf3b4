"""``docs/reference/checks.md``: every registered check, and the finding codes that it can give."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING

from opslab.data.gate import CHECKS as GATE
from opslab.drill.checks import Check, known_checks

from .markdown import page, prose

if TYPE_CHECKING:
    from collections.abc import Callable

LEAD = """\
A check is a pure function over the history: it reads what runs left behind and says `pass`, `fail` or `unknown`.
Drills name checks in `steady`, `detects`, `contains`, `recovers` and `holds`; a scenario asks a fixed set of them. What
each code means, and what to do about it, is told in [Runbooks](../runbooks/index.md). How to write one of your own:
[Your own check](../how-to/own-check.md)."""

GATE_LEAD = """\
## Checks of the data gate

These judge candles, not runs: {names}. [Data](../concepts/data.md#checks) tells what each one holds."""

_CODE = re.compile(r"OPS(?:-[A-Z]+)+(?![A-Z-])")


def render() -> str:
    """Return the page."""
    checks = sorted(own_checks().items())
    gate = ", ".join(f"`{name}`" for name in GATE)
    return page(
        "Checks",
        LEAD,
        *(
            f"## `{name}` {{ #{name.replace('.', '-')} }}\n\n{prose(check.judge)}{_codes(check.judge)}"
            for name, check in checks
        ),
        GATE_LEAD.format(names=gate),
    )


def own_checks() -> dict[str, Check]:
    """Return the checks of the lab itself: a process may know others, from somebody's conftest."""
    return {name: check for name, check in known_checks().items() if check.judge.__module__.startswith("opslab.")}


def _codes(judge: Callable[..., object]) -> str:
    found = sorted(codes_of(judge))
    return f"\n\nFindings: {', '.join(f'`{code}`' for code in found)}." if found else ""


def codes_of(judge: Callable[..., object]) -> set[str]:
    """Return the finding codes in a function and in the private functions of its module that it calls."""
    module = sys.modules[judge.__module__]
    found: set[str] = set()
    waiting, seen = [judge], set()
    while waiting:
        function = waiting.pop()
        seen.add(function)
        source = inspect.getsource(function)
        found |= set(_CODE.findall(source))
        called = [getattr(module, name, None) for name in re.findall(r"\b(_\w+)\(", source)]
        waiting += [other for other in called if inspect.isfunction(other) and other not in seen]
    return found
