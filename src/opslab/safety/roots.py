"""The list of every root that a lab's switches were written in: a mistyped root shows, and trips reach all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.encoding import pretty_json
from opslab.contract.switch_rules import checked_roots
from opslab.errors import StoreError
from opslab.safety.evidence import set_aside
from opslab.safety.layout import LARGEST_STATE, ROOTS, look
from opslab.safety.litter import sweep_names
from opslab.safety.reading import parsed
from opslab.store.adding import held_directory
from opslab.store.durable import make_directory, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.clock import Clock

LIST_SECONDS = 1.0
"""How long to wait for another root that is entering itself in the list of roots."""


class RootList:
    """``runtime/kill_switch.roots.json`` of one lab; it lies below no root.

    Args:
        path: the list.
        clock: names evidence.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self._clock = path, clock

    @staticmethod
    def place_in(lab_root: Path) -> Path:
        """Return where a lab lists its switch roots."""
        return lab_root / "runtime" / ROOTS

    @property
    def default(self) -> Path:
        """The root that is used where none is named."""
        return self.path.parent / "kill_switch"

    def listed(self) -> tuple[list[Path], str | None]:
        """Return every root of the list, resolved, and why the list cannot be trusted."""
        names, doubt = self._read()
        return [self._path_of(name) for name in names or ()], doubt

    def unused_doubt(self, root: Path) -> str | None:
        """Say why ``root``, which was never used, cannot be the one that is meant."""
        names, doubt = self._read()
        if doubt or names is None:
            return doubt
        return f"{root} is empty, but this lab's switches were written in {', '.join(names)}"

    def names(self, root: Path) -> bool:
        """Whether ``root`` is in the list."""
        return self._name_of(root) in (self._read()[0] or ())

    def enter(self, root: Path) -> None:
        """Enter ``root`` in the list, which is renewed when it cannot be trusted.

        Raises:
            OSError: it cannot be written.
            StoreError: the same, or another process keeps it.
        """
        if self.names(root):
            return
        make_directory(self.path.parent)
        with held_directory(self.path.parent, LIST_SECONDS) as is_alone:
            if not is_alone:  # switches of another root, which this root's lock does not keep out
                raise StoreError("another process keeps the list", where=self.path, fix="try again")
            sweep_names(self.path.parent, f"-{ROOTS}")
            self._add(root)

    def _add(self, root: Path) -> None:
        names, doubt = self._read()
        if doubt:
            set_aside(self.path, self._clock.now())
        roots = sorted({*(names or ()), self._name_of(root)})
        write_bytes(self.path, pretty_json({"schema_version": "v1", "roots": roots}))

    def _read(self) -> tuple[list[str] | None, str | None]:
        """Return what the list names; None, and why, when it cannot be trusted; None alone when there is no list."""
        document, doubts = parsed(look(self.path, LARGEST_STATE), checked_roots)
        if document is None:
            return None, doubts[0] if doubts else None
        names: list[str] = document["roots"]
        try:
            for name in names:
                self._path_of(name)
        except (OSError, ValueError) as error:
            return None, f"{self.path.name} names what can be no directory ({error})"
        return names, None

    def _name_of(self, root: Path) -> str:
        # Relative where possible, so that a lab that was moved as a whole still knows its switches.
        base = self._lab_root
        return str(root.relative_to(base) if root.is_relative_to(base) else root)

    def _path_of(self, name: str) -> Path:
        return (self._lab_root / name).resolve()

    @property
    def _lab_root(self) -> Path:
        return self.path.parent.parent.resolve()
