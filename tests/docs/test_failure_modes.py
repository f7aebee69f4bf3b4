"""The table of failure modes: complete, from what drills declare and from what their code injects."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from opslab.venue.faults.catalogue import CATALOGUE

FAULTS = frozenset({"drop_fills", "half_open", "ban"})


@pytest.fixture(scope="module")
def page(rendered, generate) -> str:
    return rendered[generate.REFERENCE / "failure-modes.md"].decode()


@pytest.fixture(scope="module")
def incidents(generate) -> dict[str, str]:
    return generate.failure_modes.INCIDENTS


def row(**changes):
    return {"slug": "one", "title": "One", "rehearses": ["MD-01"], "faults": [], "defects": []} | changes


def test_every_drill_and_fault_stands_in_the_page(page, rendered, generate):
    slugs = re.findall(r"^### `([\w-]+)` ", rendered[generate.REFERENCE / "drills.md"].decode(), re.MULTILINE)
    assert len(slugs) > 10
    assert [slug for slug in slugs if f"(drills.md#{slug})" not in page] == []
    assert [name for name in CATALOGUE if f"[`{name}`](faults.md#" not in page] == []


def test_every_way_to_fail_has_one_place_and_belongs_to_a_part(page, incidents, generate):
    assert [one for one in incidents if page.count(f'<span id="{one.lower()}">') != 1] == []
    assert {generate.failure_modes.family_of(one) for one in incidents} == set(generate.failure_modes.FAMILIES)
    assert len(set(incidents.values())) == len(incidents)


def test_what_no_drill_names_is_counted_and_folded_away(generate, incidents):
    text = generate.failure_modes.rendered([row()])
    part, rest = text.split("## Market data\n")[1].split("## Orders\n")
    total = sum(one.startswith("MD-") for one in incidents)
    assert f'??? note "Not rehearsed: {total - 1}"' in part
    assert '??? note "Not rehearsed: ' in rest
    assert f"| [Market data](#market-data) | {total} | 1 | 1 |" in text


def test_a_row_links_its_drills_faults_and_defects(generate):
    rows = [row(faults=["half_open"]), row(slug="two", faults=["ban"], defects=["docs/engine-defects/silent-feed.md"])]
    (line,) = [
        line for line in generate.failure_modes.rendered(rows).splitlines() if line.startswith('| <span id="md-01"')
    ]
    assert "[`one`](drills.md#one), [`two`](drills.md#two)" in line
    assert "[`ban`](faults.md#ban), [`half_open`](faults.md#half-open)" in line
    assert "[silent-feed](../engine-defects/silent-feed.md)" in line


def test_a_drill_of_no_incident_is_listed(generate):
    assert "- [`one`](drills.md#one) One." in generate.failure_modes.rendered([row(rehearses=[])])


def test_an_incident_that_nobody_explains_is_refused(generate):
    with pytest.raises(LookupError, match=r"XX-01: rehearsed by a drill, and docs/renderers/incidents\.py"):
        generate.failure_modes.rendered([row(rehearses=["XX-01"])])


@pytest.fixture
def found(generate, tmp_path):
    """Write modules, and tell which faults the code of ``test_it`` in the last one names."""
    from renderers.injected import faults_in

    made = []

    def find(root=tmp_path, **sources: str) -> list[str]:
        for name, source in sources.items():
            path = tmp_path / f"{name}.py"
            path.write_text(source)
            spec = spec_from_file_location(f"faulty_{name}", path)
            made.append(module_from_spec(spec))
            sys.modules[made[-1].__name__] = made[-1]
        return faults_in("test_it", made[::-1], FAULTS, root)

    yield find
    for module in made:
        sys.modules.pop(module.__name__)


def test_a_fault_of_the_test_itself_is_found(found):
    assert found(a="def test_it(venue):\n    venue.faults.drop_fills(times=1)\n") == ["drop_fills"]


def test_a_fault_that_is_chosen_by_its_name_is_found(found):
    source = '@parametrize("fault", ["ban"])\ndef test_it(venue, fault):\n    getattr(venue.faults, fault)()\n'
    assert found(a=source) == ["ban"]


def test_faults_of_functions_values_and_fixtures_are_found(found):
    shared = "def broken(venue):\n    return venue.faults.ban()\n"
    test = (
        "CASES = {'a': lambda faults: faults.half_open()}\n"
        "def inner(venue):\n    CASES['a'](venue)\n    venue.faults.drop_fills()\n"
        "def test_it(broken, venue):\n    inner(venue)\n"
    )
    assert found(conftest=shared, test=test) == ["ban", "drop_fills", "half_open"]


def test_faults_of_an_imported_function_are_found_below_the_root_only(found, tmp_path):
    shared = "def broken(venue):\n    return venue.faults.ban()\n"
    test = "from faulty_shared import broken as other\ndef test_it(venue):\n    other(venue)\n"
    assert found(shared=shared, test=test) == ["ban"]
    assert found(root=tmp_path / "elsewhere", other="def test_it(venue):\n    venue.faults.ban()\n") == []


def test_what_is_not_used_or_only_named_by_a_marker_is_no_fault(found):
    source = (
        "def unused(venue):\n    venue.faults.drop_fills()\n"
        '@pytest.mark.mutant("ban")\ndef test_it(venue):\n    venue.half_open()\n'
    )
    assert found(a=source) == []


def test_a_bar_in_code_of_a_table_is_shown_as_it_is(generate):
    from renderers.markdown import cell

    assert cell("`a|*` and b|c") == "<code>a&#124;&#42;</code> and b\\|c"
