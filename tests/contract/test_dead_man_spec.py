"""What a spec may say of the dead man's switch, and of who is called: bad values are one line."""

from __future__ import annotations

import pytest
import yaml

from opslab.contract.spec import RunSpec
from opslab.contract.spec_file import read_spec
from opslab.errors import SpecError
from opslab.runs.spec_edit import edited
from opslab.samples import paper_spec, sample_spec


@pytest.fixture
def refused(tmp_path):
    document = yaml.safe_load(paper_spec().read_text())

    def told(block, **values):
        changed = {**document, block: {**document.get(block, {}), **values}}
        path = tmp_path / "spec.yaml"
        path.write_text(yaml.safe_dump(changed))
        with pytest.raises(SpecError) as caught:
            read_spec(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return told


@pytest.mark.parametrize("seconds", [0, 0.99, -1, 1e9, float("nan"), float("inf"), "5", True])
def test_a_length_that_is_none_is_refused(refused, seconds):
    assert "dead_man_seconds" in refused("execution", dead_man_seconds=seconds)


def test_on_spot_there_is_none(refused):
    assert "no such endpoint for spot" in refused("execution", dead_man_seconds=10.0, market="spot")


def test_a_backtest_has_none(tmp_path):
    document = yaml.safe_load(sample_spec().read_text())
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump({**document, "execution": {"dead_man_seconds": 30.0}}))
    with pytest.raises(SpecError, match=r"execution\.dead_man_seconds is of paper runs only"):
        read_spec(path)


def test_renewals_that_would_use_up_the_limit_are_refused(refused):
    told = refused("execution", dead_man_seconds=1.0, max_seconds=3600)
    assert "use at least 2 s for 1 symbols" in told


@pytest.mark.parametrize("owner", ["two\nlines", "x" * 201, 7, "bell\x07"])
def test_an_owner_is_one_line(refused, owner):
    assert "owner" in refused("risk", owner=owner)


def test_who_is_called_decides_nothing_of_the_result_and_the_countdown_does():
    spec = read_spec(paper_spec())
    assert edited(spec, {"risk.owner": "ann"}).spec.decisive() == spec.spec.decisive()
    assert edited(spec, {"execution.dead_man_seconds": 30.0}).spec.decisive() != spec.spec.decisive()


def test_a_spec_that_says_neither_is_written_as_before():
    dumped = read_spec(paper_spec()).spec.model_dump(mode="json")
    assert "dead_man_seconds" not in dumped["execution"]
    assert "owner" not in dumped["risk"]
    assert RunSpec.model_validate(dumped).risk.owner is None
