"""A changed copy of a spec is a spec, or one clear line."""

from __future__ import annotations

import pytest
import yaml

from opslab.contract.spec_file import SpecFile, parse_spec
from opslab.errors import SpecError
from opslab.runs.spec_edit import edited


def test_values_are_replaced_by_dotted_key_and_removed_by_none(spec_file):
    changed = edited(spec_file, {"execution.fill": "same_close", "seed": 7, "data.fingerprint": None})
    assert changed.spec.execution.fill == "same_close"
    assert (changed.spec.seed, changed.spec.data.fingerprint) == (7, None)
    assert parse_spec(changed.content, "copy")[0] == changed.spec
    assert spec_file.spec.seed == 0


def test_a_value_that_an_alias_shares_is_changed_in_one_place(spec_file):
    content = spec_file.content.replace(b"data:\n", b"data: &d\n") + b"execution: {more_data: [*d]}\n"
    source = SpecFile(parse_spec(content, "x")[0], content, spec_file.path, {})
    changed = edited(source, {"data.dataset": "other"}).spec
    assert [data.dataset for data in changed.datasets] == ["other", "btcusdt-sample"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"run_id.deep": 1}, "leads through 'run_id'"),
        ({"seed": -1}, "seed"),
        ({"venue": None}, "venue: is missing"),
        ({"surprise": 1}, "unknown key"),
        ({"seed": object()}, "cannot be written as YAML"),
    ],
)
def test_a_change_that_makes_no_spec_is_told(spec_file, changes, told):
    with pytest.raises(SpecError, match=told) as caught:
        edited(spec_file, changes)
    assert str(spec_file.path) in str(caught.value)


def test_the_copy_is_plain_yaml(spec_file):
    assert yaml.safe_load(edited(spec_file, {"seed": 3}).content)["seed"] == 3
