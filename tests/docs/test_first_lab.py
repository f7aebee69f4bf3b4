"""The walkthrough for a new user works as it stands there."""

from __future__ import annotations

import pytest
from tests.docs.walk import follow


@pytest.fixture
def page(docs) -> str:
    return (docs / "tutorials" / "first-lab.md").read_text()


@pytest.mark.timeout(240)
def test_every_block_of_the_walkthrough_does_what_it_says(page, tmp_path):
    outside, inside = page.split("```sh\ncd my-lab\n```\n")  # every command is run in a shell of its own
    assert follow(outside, tmp_path) == 2
    assert follow(inside, tmp_path / "my-lab") > 20
