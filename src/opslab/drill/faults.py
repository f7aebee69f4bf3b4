"""Faults: what a drill breaks. Each says whether it ever took effect, and always can be healed."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from opslab.errors import DrillError

if TYPE_CHECKING:
    from collections.abc import Callable


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


class StandInFault:
    """Puts something that is no such file in a file's place, and the file back.

    Args:
        name: what the fault is called.
        path: the file.
        put: makes what stands at the path; it is given an empty directory of its own for what it needs beside it, with
            a copy of the file in it under the file's name.
    """

    def __init__(self, name: str, path: Path, put: Callable[[Path, Path], object]) -> None:
        self.name = name
        self._path, self._put = path, put
        self._beside: Path | None = None
        self._fired = False

    @property
    def fired(self) -> bool:
        """Whether something else stood in the file's place."""
        return self._fired

    def begin(self) -> None:
        """Put the other thing there.

        Raises:
            DrillError: the file cannot be read.
        """
        beside = Path(tempfile.mkdtemp(prefix="opslab-stand-in-"))
        try:
            shutil.copy2(self._path, beside / self._path.name)
        except OSError as error:
            shutil.rmtree(beside)
            raise DrillError(f"cannot be broken: {error.strerror}", where=self._path, fix="name a file") from error
        self._beside = beside
        self._path.unlink()
        self._put(self._path, beside)
        self._fired = True

    def heal(self) -> None:
        """Take away what stands there, and put the file back."""
        if self._beside is None:
            return
        if self._path.is_dir() and not self._path.is_symlink():
            shutil.rmtree(self._path)
        else:
            self._path.unlink(missing_ok=True)
        shutil.copy2(self._beside / self._path.name, self._path)
        shutil.rmtree(self._beside)


def turn_into_directory(path: Path) -> StandInFault:
    """Return a fault that puts a directory in the place of ``path``."""
    return StandInFault(f"turn_into_directory {path.name}", path, lambda place, _beside: place.mkdir())


def turn_into_symlink(path: Path) -> StandInFault:
    """Return a fault that puts a symlink to an unaltered copy in the place of ``path``."""
    return StandInFault(
        f"turn_into_symlink {path.name}", path, lambda place, beside: place.symlink_to(beside / place.name)
    )


def turn_into_pipe(path: Path) -> StandInFault:
    """Return a fault that puts a pipe in the place of ``path``; who opens it to read waits for a writer."""
    return StandInFault(f"turn_into_pipe {path.name}", path, lambda place, _beside: os.mkfifo(place))


class DeniedFault:
    """Takes the right to read ``path``, and gives it back.

    Nothing keeps root out of a file; for root, ``os.open`` of this process refuses instead, as the kernel would.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"deny_reading {path.name}"
        self._path, self._mode = path, -1
        self._refusing: AttributeFault | None = None
        self._was_refused = False

    @property
    def fired(self) -> bool:
        """Whether the file could not be read; for root, whether somebody tried."""
        return self._mode >= 0 and (self._refusing is None or self._was_refused)

    def begin(self) -> None:
        """Take the right.

        Raises:
            DrillError: there is no such file, or it is somebody else's.
        """
        try:
            mode = self._path.stat().st_mode
            self._path.chmod(0)
        except OSError as error:
            raise DrillError(f"cannot be broken: {error.strerror}", where=self._path, fix="name a file") from error
        self._mode = mode
        if os.access(self._path, os.R_OK):
            self._refusing = AttributeFault(self.name, os, "open", self._refuse(os.open))
            self._refusing.begin()

    def heal(self) -> None:
        """Give it back."""
        if self._refusing is not None:
            self._refusing.heal()
        if self._mode >= 0:
            self._path.chmod(stat.S_IMODE(self._mode))

    def _refuse(self, opened: Callable[..., int]) -> Callable[..., int]:
        def refusing(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            if not isinstance(path, int) and os.fspath(path) == os.fspath(self._path):
                self._was_refused = True
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
            return opened(path, flags, *args, **kwargs)

        return refusing


def deny_reading(path: Path) -> DeniedFault:
    """Return a fault that takes the right to read ``path``."""
    return DeniedFault(path)


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
