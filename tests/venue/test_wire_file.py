"""The wire log's file never ends in half a line that the venue itself left there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.venue import wire_file
from opslab.venue.wire_file import cut_torn


@given(content=st.binary(max_size=60))
def test_half_a_line_is_cut_off_and_nothing_else(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("wire") / "wire.jsonl"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire_file, "_CHUNK", 7)
        cut_torn(path)
    assert path.read_bytes() == content[: content.rfind(b"\n") + 1]
