"""One backtest and one paper run of one spec, made once; tests change copies."""

from __future__ import annotations

import shutil

import pytest

from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.root import find_lab
from opslab.runs import paper
from opslab.runs.backtest import run_backtest
from opslab.runs.paper import run_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import sample_spec
from opslab.store.reader import Bundle

BACKTEST, PAPER = "one-backtest", "one-paper"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("evidence")
    (root / "opslab.toml").touch()
    lab = find_lab(root, {}, [root])
    prepare(lab, "btcusdt-sample")
    spec_file = read_spec(sample_spec())
    assert run_backtest(lab, spec_file, standard_registry(), run_id=BACKTEST).metadata.error is None
    bounded = {"mode": "paper", "execution.pace": 600, "execution.max_bars": 12, "execution.max_seconds": 20}
    with pytest.MonkeyPatch.context() as patch:
        begin = paper.begin_paper
        patch.setattr(paper, "begin_paper", lambda *words, **more: begin(*words, **more, host_of=thread_host))
        ended = run_paper(lab, edited(spec_file, bounded), standard_registry(), run_id=PAPER)
    assert ended.metadata.error is None
    return root


@pytest.fixture
def lab(made, tmp_path):
    for name in ("artifacts", "data"):
        shutil.copytree(made / name, tmp_path / name)
    (tmp_path / "opslab.toml").touch()
    return find_lab(tmp_path, {}, [tmp_path])


@pytest.fixture
def bundles(lab):
    return Bundle(lab.runs / BACKTEST), Bundle(lab.runs / PAPER)
