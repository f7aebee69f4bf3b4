"""An index that became long begins anew with one line a switch; it says the same, and dying meanwhile costs nothing."""

from __future__ import annotations

import json

import pytest

from opslab.contract.encoding import pretty_json
from opslab.contract.switch_rules import GLOBAL
from opslab.safety import index as index_module
from opslab.safety import ledger as ledger_module
from opslab.store.adding import held_directory
from opslab.store.journal import read_chain

NAMES = ("k1", "k2", GLOBAL)


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(index_module, "MOST_LINES", 6)


def lines_of(switches):
    return read_chain((switches.root / "index.jsonl").read_bytes()).events


def states_of(switches):
    return {name: (switches.read(name).state, switches.read(name).doubts) for name in (*NAMES, "k3")}


def anchor_of(switches):
    return switches.root.with_name("kill_switch.anchor.json")


def grown(switches, times):
    for _ in range(times):
        switches.activate("k2", "why", "ann")


def test_the_index_stays_short_says_the_same_and_what_it_was_is_kept(bystander):
    grown(bystander, 40)
    assert states_of(bystander) == {
        "k1": ("cleared", ()),
        "k2": ("active", ()),
        GLOBAL: ("absent", ()),
        "k3": ("absent", ()),
    }
    assert len(lines_of(bystander)) <= 6 + 2 * 2 + 1
    first = lines_of(bystander)[0]
    kept = read_chain((bystander.root / first["kept_as"]).read_bytes())
    assert (first["event"], first["replaced_lines"], first["replaced_sha256"]) == ("index_compacted", *kept.head)
    assert not kept.problems
    bystander.clear("k2", "why", "ann")
    assert bystander.read("k2").state == "cleared"


def test_an_adopted_switch_stays_adopted(bystander):
    (bystander.root / "index.jsonl").write_bytes(b"broken")
    grown(bystander, 40)
    assert lines_of(bystander)[0]["event"] == "index_compacted"
    assert bystander.read("k1").doubts == ("the switch was adopted when the index was lost: nobody cleared it since",)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
@pytest.mark.parametrize("is_behind", [False, True])
def test_dying_at_any_step_leaves_both_files_in_order(bystander, monkeypatch, step, is_behind):
    class DiedError(BaseException):
        pass

    done, is_near = [], []
    for name in ("keep_copy", "write_bytes"):
        real = getattr(ledger_module, name)

        def dying(*args, real=real):
            if is_near and len(done) == step - 1:
                raise DiedError
            done.extend([1] if is_near else [])
            return real(*args)

        monkeypatch.setattr(ledger_module, name, dying)
    compact = ledger_module.SwitchLedger.compact
    older = anchor_of(bystander).read_bytes()

    def near(*args):
        if is_behind:  # as a writer leaves it that died before it moved the anchor
            anchor_of(bystander).write_bytes(older)
        is_near.append(1)
        compact(*args)

    monkeypatch.setattr(ledger_module.SwitchLedger, "compact", near)
    with pytest.raises(DiedError):
        grown(bystander, 40)
    monkeypatch.undo()
    assert states_of(bystander) == {
        "k1": ("cleared", ()),
        "k2": ("active", ()),
        GLOBAL: ("absent", ()),
        "k3": ("absent", ()),
    }
    grown(bystander, 1)
    bystander.clear("k2", "why", "ann")
    assert bystander.read("k2").state == "cleared"


def test_an_index_that_began_anew_is_not_believed_beside_another_anchor(bystander):
    older = anchor_of(bystander).read_bytes()
    grown(bystander, 40)
    anchor = anchor_of(bystander).read_bytes()
    anchor_of(bystander).write_bytes(older)
    assert bystander.read("k1").doubts == (
        "the index is shorter than it was, or another one (its anchor disagrees)",
    ) or (json.loads(older)["lines"] < len(lines_of(bystander)))
    anchor_of(bystander).write_bytes(pretty_json({**json.loads(anchor), "lines": 999}))
    assert "its anchor disagrees" in bystander.read("k1").doubts[0]


def test_the_old_index_put_back_reads_as_active(bystander):
    grown(bystander, 40)
    kept = bystander.root / lines_of(bystander)[0]["kept_as"]
    (bystander.root / "index.jsonl").write_bytes(kept.read_bytes())
    assert "its anchor disagrees" in bystander.read("k1").doubts[0]


def test_where_the_old_index_cannot_be_kept_it_stays(bystander, monkeypatch):
    def refused(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(ledger_module, "keep_copy", refused)
    grown(bystander, 10)
    assert "the index stays long" in bystander.activate("k2", "why", "ann").warnings[0]
    assert {line["event"] for line in lines_of(bystander)} == {"switch_changed"}
    assert bystander.read("k1").state == "cleared"


def test_nothing_begins_anew_while_somebody_writes_without_the_lock(bystander):
    with held_directory(bystander.root, 0, shared=True):
        grown(bystander, 20)
    assert len(lines_of(bystander)) > 20
    grown(bystander, 1)
    assert lines_of(bystander)[0]["event"] == "index_compacted"
