from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import opslab


def test_there_are_few_and_they_are_sorted():
    assert opslab.__all__ == sorted(set(opslab.__all__))
    assert len(opslab.__all__) <= 30
    assert dir(opslab) == opslab.__all__


@pytest.mark.parametrize("name", opslab.__all__)
def test_each_can_be_imported_and_is_documented(name):
    value = getattr(opslab, name)
    assert value.__doc__
    assert name in {"__version__", getattr(value, "__name__", None)}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'surprise'"):
        _ = opslab.surprise


def test_the_version_is_the_installed_one():
    assert version("tradingchassis-ops-lab") == opslab.__version__


def test_importing_opslab_imports_nothing_else():
    script = (
        "import sys, importlib; before = set(sys.modules); import opslab; "
        "print(sorted(n for n in set(sys.modules) - before if n.partition('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['opslab']\n"
