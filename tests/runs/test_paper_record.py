"""What a paper run writes while it lives is whole, or its run says that it is not."""

from __future__ import annotations

import errno
import threading

import pytest

from opslab.contract.encoding import sha256_hex
from opslab.errors import StoreError
from opslab.runs.masking import Masking
from opslab.runs.paper_record import GrowingFile, PaperRecord

BOOKS = {"digest": "0" * 64, "events": 3}


class Disk:
    """Stands before a file, and takes no more than ``room`` bytes."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, content):
        room, self._room = self._room, 0
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(content[:room])

    def __getattr__(self, name):
        return getattr(self._file, name)


class Writer:
    def __init__(self, path):
        self.path = path

    def write(self, name, content):
        (self.path / name).write_bytes(content)


@pytest.fixture
def found(tmp_path):
    made = PaperRecord(Writer(tmp_path), None)
    yield made
    made.close()


@pytest.mark.parametrize("room", [0, 5])
def test_what_the_disk_does_not_take_whole_is_undone(tmp_path, room):
    path = tmp_path / "events.jsonl"
    file = GrowingFile(path)
    file.write(b"whole\n")
    file._file = Disk(file._file, room)
    with pytest.raises(StoreError, match=r"events\.jsonl: cannot be written: .*free some space"):
        file.write(b"not whole\n")
    file._file = file._file._file
    file.write(b"whole again\n")
    file.close()
    assert path.read_bytes() == b"whole\nwhole again\n"
    assert (file.sha256, file.lines) == (sha256_hex(path.read_bytes()), 2)


def test_threads_that_write_at_once_leave_digest_and_file_alike(tmp_path):
    file = GrowingFile(tmp_path / "events.jsonl")
    threads = [
        threading.Thread(target=lambda name=name: [file.write(b"%d\n" % name) for _ in range(300)]) for name in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    assert file.sha256 == sha256_hex((tmp_path / "events.jsonl").read_bytes())


def test_an_event_that_cannot_be_written_raises_where_the_run_looks_and_not_in_the_engine(found):
    found._events._file = Disk(found._events._file, 0)
    found.event(b"{}\n")
    with pytest.raises(StoreError, match="No space left"):
        found.require_whole()


def test_keys_do_not_get_into_the_event_stream(found, tmp_path):
    found.masking = Masking(("k" * 64,))
    found.event(b'{"reason":"' + b"k" * 64 + b'"}\n')
    found.close()
    assert (tmp_path / "events.jsonl").read_bytes() == b'{"reason":"***"}\n'


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        (b"{}\n{}\n{", "ends in the middle of a line"),
        (b"{}\n", "has 1 records, the venue made 2"),
        (b"", "has 0 records"),
    ],
)
def test_a_wire_log_that_is_not_whole_is_noticed(found, tmp_path, wire, told):
    (tmp_path / "wire.jsonl").write_bytes(wire)
    with pytest.raises(StoreError, match=rf"wire\.jsonl: {told}"):
        found.books(BOOKS, recorded=2)


def test_a_wire_log_that_went_on_is_whole(found, tmp_path):
    (tmp_path / "wire.jsonl").write_bytes(b"{}\n{}\n{}\n")
    assert found.books(BOOKS, recorded=2).wire_records == 3
