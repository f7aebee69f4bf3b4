"""A malformed declaration is a usage error, in one line that names the place, before anything runs."""

from __future__ import annotations

import pytest

DRILL = "def test_it(drill): drill.holds('demo.passes')"

MALFORMED = {
    "no slug": ("@pytest.mark.drill", "drill takes one slug"),
    "two slugs": ("@pytest.mark.drill('a', 'b')", "drill takes one slug"),
    "bad slug": ("@pytest.mark.drill('Not A Slug')", "slug 'Not A Slug' is not a slug"),
    "slug no text": ("@pytest.mark.drill(7)", "slug 7 is not a slug"),
    "unknown option": ("@pytest.mark.drill('a', serverity='x')", "unknown option 'serverity'"),
    "severity": ("@pytest.mark.drill('a', severity='fatal')", "severity 'fatal' is unknown"),
    "duration": ("@pytest.mark.drill('a', detect_within='soon')", "duration 'soon' is malformed"),
    "incident": ("@pytest.mark.drill('a', rehearses=['ol6'])", "incident id 'ol6'"),
    "incidents no list": ("@pytest.mark.drill('a', rehearses='OL-06')", "rehearses is not a list"),
    "area": ("@pytest.mark.drill('a', area='No Area')", "area 'No Area' is not a slug"),
    "defect without versions": (
        "@pytest.mark.drill('a')\n@pytest.mark.known_defect('OPS-X-Y', reference='r')",
        "known_defect missing 1 required keyword-only argument: 'versions'",
    ),
    "defect with odd option": (
        "@pytest.mark.drill('a')\n@pytest.mark.known_defect('OPS-X-Y', versions='>=1', reference='r', since=1)",
        "known_defect got an unexpected keyword argument 'since'",
    ),
    "defect versions": (
        "@pytest.mark.drill('a')\n@pytest.mark.known_defect('OPS-X-Y', versions='newish', reference='r')",
        "versions 'newish' are malformed",
    ),
    "defect code": (
        "@pytest.mark.drill('a')\n@pytest.mark.known_defect('bad', versions='>=1', reference='r')",
        "'bad' is no finding's code",
    ),
    "mutant without name": ("@pytest.mark.drill('a')\n@pytest.mark.mutant", "mutant missing 1 required"),
    "mutant name": ("@pytest.mark.drill('a')\n@pytest.mark.mutant('No Name')", "mutant name 'No Name' is not a slug"),
    "mutant enact": ("@pytest.mark.drill('a')\n@pytest.mark.mutant('m', 'nothing')", "enact is not callable"),
    "mutant thrice": ("@pytest.mark.drill('a')\n@pytest.mark.mutant('m', None, 1)", "mutant takes"),
    "mutants of one name": (
        "@pytest.mark.drill('a')\n@pytest.mark.mutant('m')\n@pytest.mark.mutant('m')",
        "two mutants have one name",
    ),
    "spec without path": ("@pytest.mark.drill('a')\n@pytest.mark.spec", "spec takes one path"),
    "xfail": ("@pytest.mark.drill('a')\n@pytest.mark.xfail(reason='x')", "xfail would hide"),
    "drill on a parameter": (
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.drill('a'))])",
        "the marker drill stands on a parameter",
    ),
}


OPTIONS = {"mutant": "--opslab-mutants", "two": "--collect-only", "bad": "--opslab-plan"}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_declaration_is_refused(ops, refused, name) -> None:
    option = [OPTIONS[word] for word in OPTIONS if name.startswith(word)]
    markers, told = MALFORMED[name]
    arguments = "(drill, x)" if "parametrize" in markers else "(drill)"
    ops.drills(f"{markers}\n{DRILL.replace('(drill)', arguments)}")
    line = refused(*option)
    assert told in line
    assert "test_it.py:3: " in line


@pytest.mark.parametrize("fixture", ["drill", "run", "bundle"])
def test_a_fixture_of_drills_needs_the_marker(ops, refused, fixture) -> None:
    ops.drills(f"def test_it({fixture}):\n    pass")
    line = refused()
    assert f"test_it.py:3: uses the fixture {fixture}, which only a drill has" in line


def test_a_fixture_of_ones_own_that_bears_such_a_name_is_left_alone(ops) -> None:
    ops.drills("@pytest.fixture\ndef run():\n    return 7\ndef test_it(run):\n    assert run == 7")
    ops.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("marker", ["mutant('m')", "known_defect('OPS-X-Y', versions='>=1', reference='r')"])
def test_markers_of_drills_need_a_drill(ops, refused, marker) -> None:
    ops.drills(f"@pytest.mark.{marker}\ndef test_it():\n    pass")
    assert "belongs to a drill" in refused()


def test_a_unittest_method_is_no_drill(ops, refused) -> None:
    ops.drills(
        "import unittest\nclass TestIt(unittest.TestCase):\n    @pytest.mark.drill('a')\n    def test_it(self): pass"
    )
    assert "a drill is a test function" in refused()


def test_a_slug_taken_twice_names_both(ops, refused) -> None:
    ops.drills(f"@pytest.mark.drill('a')\n{DRILL}")
    ops.drills(f"@pytest.mark.drill('a')\n{DRILL}", "test_other.py")
    line = refused()
    assert "drill 'a' is declared twice: test_it.py::test_it and test_other.py::test_it" in line


def test_variants_of_one_drill_share_its_slug(ops) -> None:
    ops.drills(
        "@pytest.mark.drill('a')\n@pytest.mark.parametrize('x', [1, 2])\n" + DRILL.replace("drill)", "drill, x)", 1)
    )
    ops.run().assert_outcomes(passed=2)
    assert {row["drill"] for row in ops.rows().values()} == {"a"}
    assert len(ops.rows()) == 2


@pytest.mark.parametrize(
    ("text", "told"), [("", "is empty"), ("run_id: x\nmode: [", "s.run.yml:"), ("a: 1", "unknown key")]
)
def test_a_spec_that_cannot_be_used(ops, refused, text, told) -> None:
    ops.write("s.run.yml", text)
    ops.drills(f"@pytest.mark.drill('a')\n@pytest.mark.spec('s.run.yml')\n{DRILL}")
    line = refused("test_it.py")
    assert "s.run.yml" in line
    assert told in line


def test_a_spec_that_is_missing(ops, refused) -> None:
    ops.drills(f"@pytest.mark.drill('a')\n@pytest.mark.spec('absent.run.yaml')\n{DRILL}")
    assert "absent.run.yaml: run spec cannot be read: No such file" in refused()


def test_a_plain_test_may_name_a_spec(ops, spec_text) -> None:
    ops.write("mine.yaml", spec_text)
    ops.drills("@pytest.mark.spec('mine.yaml')\ndef test_it(run_spec):\n    assert run_spec.spec.run_id == 'demo'")
    ops.run().assert_outcomes(passed=1)


def test_area_and_title_come_from_where_the_drill_stands(ops) -> None:
    text = "@pytest.mark.drill('{0}')\ndef test_{1}(drill):\n    '''{2}'''\n    drill.holds('demo.passes')"
    ops.drills(text.format("one", "a_thing", "A sentence.\n\n    More."), "drills/Venue Faults/deep/test_x.py")
    ops.drills(text.format("two", "a_thing", ""), "drills/test_top_level.py")
    ops.drills(text.format("three", "a_thing", "").replace("'three'", "'three', area='own', title='Mine'"), "test_y.py")
    ops.run("--import-mode=importlib").assert_outcomes(passed=3)
    reports = {slug: ops.report(slug) for slug in ("one", "two", "three")}
    assert {slug: report["area"] for slug, report in reports.items()} == {
        "one": "venue-faults",
        "two": "top-level",
        "three": "own",
    }


def test_every_marker_is_shown(ops) -> None:
    result = ops.run("--markers")
    for name in ("drill(slug, *, rehearses=[]", "spec(path)", "mutant(name, enact=None)", "known_defect(code, *"):
        result.stdout.fnmatch_lines([f"*@pytest.mark.{name.replace('[]', '[[][]]')}*"])


@pytest.mark.parametrize("words", [("-n", "2"), ("-n", "1"), ("-n", "2", "--dist", "loadgroup")], ids=" ".join)
def test_under_xdist_too(ops, refused, words) -> None:
    ops.drills(f"@pytest.mark.drill('Bad')\n{DRILL}\ndef test_other():\n    pass")
    assert "test_it.py:3: slug 'Bad' is not a slug" in refused(*words)
