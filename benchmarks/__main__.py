"""``python -m benchmarks [--quick] [NAME ...]``: measure and print; exit 1 when a ratio is over its target."""

from __future__ import annotations

import importlib
import sys

from benchmarks.ratio import Ratio, show

NAMES = (
    "startup",
    "journal",
    "bundle",
    "engine",
    "reconcile",
    "metrics",
    "kill",
    "venue",
    "market_data",
    "life_cycle",
    "door",
    "containment",
    "session_page",
    "evidence",
    "new_lab",
)


def main(words: list[str]) -> int:
    """Measure the benchmarks that ``words`` name, all of them by default."""
    is_quick = "--quick" in words
    chosen = [word for word in words if not word.startswith("-")] or list(NAMES)
    if unknown := sorted(set(chosen) - set(NAMES)):
        print(f"unknown benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    found: list[Ratio] = []
    for name in chosen:
        ratios = importlib.import_module(f"benchmarks.{name}").measure(is_quick)
        show(ratios, name.capitalize())
        found += ratios
    over = [row.name for row in found if row.is_over]
    print(f"{len(found)} ratios, {len(over)} over their target" + (f": {', '.join(over)}" if over else ""))
    return int(bool(over))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
