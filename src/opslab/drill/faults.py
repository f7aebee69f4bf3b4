"""Faults: what a drill breaks. Each says whether it ever took effect, and always can be healed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opslab.errors import DrillError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Fault(Protocol):
    """Something that breaks the rehearsed system between ``begin`` and ``heal``."""

    @property
    def name(self) -> str:
        """What it is called in journals and reports."""
        ...

    @property
    def fired(self) -> bool:
        """Whether it took effect; a fault that never fired makes the drill's verdict unknown."""
        ...

    def begin(self) -> None:
        """Break it."""
        ...

    def heal(self) -> None:
        """Undo it; called once, whatever happened in between."""
        ...


class FileFault:
    """Changes a file's bytes, and puts the old ones back.

    Args:
        name: what the fault is called.
        path: the file.
        change: returns the broken content for the old; ``None`` removes the file.
    """

    def __init__(self, name: str, path: Path, change: Callable[[bytes], bytes | None]) -> None:
        self.name = name
        self._path = path
        self._change = change
        self._old: bytes | None = None
        self._fired = False

    @property
    def fired(self) -> bool:
        """Whether the file's content differs from what it was."""
        return self._fired

    def begin(self) -> None:
        """Write the broken content; a change that changes nothing never fires.

        Raises:
            DrillError: the file cannot be read.
        """
        try:
            self._old = self._path.read_bytes()
        except OSError as error:
            raise DrillError(f"cannot be broken: {error.strerror}", where=self._path, fix="name a file") from error
        broken = self._change(self._old)
        if broken is None:
            self._path.unlink()
        else:
            self._path.write_bytes(broken)
        self._fired = broken != self._old

    def heal(self) -> None:
        """Put the old content back."""
        if self._old is not None:
            self._path.write_bytes(self._old)


def flip_byte(path: Path, offset: int) -> FileFault:
    """Return a fault that inverts one byte of ``path``; ``offset`` is taken modulo the file's size."""

    def flipped(content: bytes) -> bytes:
        if not content:
            return content
        place = offset % len(content)
        return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]

    return FileFault(f"flip_byte {path.name}", path, flipped)


def cut_tail(path: Path, size: int) -> FileFault:
    """Return a fault that cuts the last ``size`` bytes off ``path``."""
    return FileFault(f"cut_tail {path.name}", path, lambda content: content[: max(0, len(content) - size)])


def remove_file(path: Path) -> FileFault:
    """Return a fault that removes ``path``."""
    return FileFault(f"remove_file {path.name}", path, lambda _content: None)


_INHERITED = object()


class AttributeFault:
    """Replaces an attribute of an object or module, and counts how often the replacement was called.

    Args:
        name: what the fault is called.
        owner: the object or module.
        attribute: which of its attributes.
        replacement: called instead.
    """

    def __init__(self, name: str, owner: object, attribute: str, replacement: Callable[..., Any]) -> None:
        self.name = name
        self._owner, self._attribute, self._replacement = owner, attribute, replacement
        # What stands in the owner itself, unbound: a static method, put back as it was got, would become another thing.
        self._own = vars(owner).get(attribute, _INHERITED)
        self._calls = 0
        getattr(owner, attribute)  # an attribute that is not there cannot be broken

    @property
    def fired(self) -> bool:
        """Whether the replacement was ever called."""
        return self._calls > 0

    def begin(self) -> None:
        """Put the replacement in place."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            self._calls += 1
            return self._replacement(*args, **kwargs)

        setattr(self._owner, self._attribute, counted)

    def heal(self) -> None:
        """Put the old attribute back."""
        if self._own is _INHERITED:
            delattr(self._owner, self._attribute)
        else:
            setattr(self._owner, self._attribute, self._own)
