"""Names, and nothing but names, until a strategy is asked for."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
import textwrap

import pytest

from opslab.engine.registry import StrategyContext, StrategyRegistry, code_sha256, standard_registry
from opslab.errors import EngineError, SpecError


def make_nothing(context):
    return None


def test_the_built_ins_are_listed():
    assert {"ops_round_trip", "ops_smoke_demo"} <= set(standard_registry().names())


@pytest.mark.parametrize("name", ["ops_smoke_demo", "OPS_SMOKE_DEMO", " Ops_Smoke_Demo "])
def test_names_are_found_in_any_case(name):
    assert standard_registry().factory(name).__name__ == "OpsSmokeDemo"


def test_an_unknown_name_lists_the_known_ones_and_the_nearest():
    with pytest.raises(
        SpecError, match=r"unknown strategy 'ops_smoke_dmo'; did you mean 'ops_smoke_demo'\?.*ops_round_trip"
    ):
        standard_registry().factory("ops_smoke_dmo")


def test_an_unknown_name_of_an_empty_registry():
    with pytest.raises(SpecError, match="known strategies: none"):
        StrategyRegistry().factory("x")


def test_a_name_taken_names_both_origins():
    registry = StrategyRegistry()
    registry.register("mine", make_nothing, "conftest.py")
    with pytest.raises(EngineError, match=r"'MINE' is registered twice: by conftest.py and by other_plugin"):
        registry.register("MINE", make_nothing, "other_plugin")
    assert registry.origin("mine") == "conftest.py"


@pytest.mark.parametrize("name", ["", "../x", "a b", "a\nb", "x" * 200])
def test_an_unsafe_name_is_refused(name):
    with pytest.raises(EngineError, match="not a safe name"):
        StrategyRegistry().register(name, make_nothing, "here")


@pytest.mark.parametrize("factory", ["no_colon", "a:b c", ":x", "a:", "1a:b", 7, None])
def test_what_is_no_factory_is_refused(factory):
    with pytest.raises(EngineError, match="has no factory"):
        StrategyRegistry().register("mine", factory, "here")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("no_such_module_here:x", "ModuleNotFoundError"),
        ("math:no_such_name", "AttributeError"),
        ("math:pi", "is not callable"),
    ],
)
def test_a_reference_that_cannot_be_loaded_is_told_when_it_is_used(reference, message):
    registry = StrategyRegistry()
    registry.register("mine", reference, "my_plugin")
    assert registry.names() == ("mine",)
    with pytest.raises(EngineError, match=rf"^my_plugin: .*{message}"):
        registry.factory("mine")


def test_a_callable_is_returned_as_it_is():
    registry = StrategyRegistry()
    registry.register("mine", make_nothing, "here")
    assert registry.factory("mine") is make_nothing


def test_a_context_holds_no_params_by_default():
    assert dict(StrategyContext((), ()).params) == {}


def package(tmp_path, files, entry_points):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    info = tmp_path / "rehearsed-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rehearsed\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[opslab.strategies]\n" + entry_points)


def in_child(tmp_path, code):
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return child.stdout.splitlines()


def test_listing_names_imports_neither_the_engine_nor_a_users_package(tmp_path):
    package(tmp_path, {"rehearsed/__init__.py": "raise SystemExit('imported')"}, "theirs = rehearsed:make\n")
    lines = in_child(
        tmp_path,
        """
        import sys
        from opslab.engine.registry import standard_registry
        print(standard_registry().names())
        print(sorted({"nautilus_trader", "pandas", "numpy", "pydantic", "pyarrow"} & set(sys.modules)))
        """,
    )
    assert lines == ["('ops_by_hand', 'ops_round_trip', 'ops_smoke_demo', 'theirs')", "[]"]


def test_a_strategy_of_an_installed_package_runs(tmp_path, make_feed):
    strategy = """
        from nautilus_trader.model.data import BarType
        from nautilus_trader.trading.strategy import Strategy

        class Theirs(Strategy):
            def __init__(self, context):
                super().__init__()
                self.kinds = [BarType.from_str(text) for text in context.bar_types]
            def on_start(self):
                for kind in self.kinds:
                    self.subscribe_bars(kind)
            def on_bar(self, bar):
                pass
    """
    package(tmp_path, {"rehearsed/__init__.py": "", "rehearsed/mine.py": strategy}, "theirs = rehearsed.mine:Theirs\n")
    lines = in_child(
        tmp_path,
        f"""
        import sys
        sys.argv = ["x", {str(make_feed.__code__.co_filename)!r}]
        import importlib.util
        spec = importlib.util.spec_from_file_location("candles_of_these_tests", sys.argv[1])
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        from opslab.engine.backtest import Feed, run_backtest
        from opslab.engine.registry import standard_registry
        registry = standard_registry()
        print(registry.origin("theirs"))
        feed = Feed(module._instrument("BTCUSDT"), module._candles(30, 1, 100, module.MINUTE_NS))
        print(run_backtest(feeds=[feed], factory=registry.factory("Theirs")).bars_seen)
        """,
    )
    assert lines == ["entry point 'theirs' of rehearsed 1.2", "30"]


def test_a_broken_entry_point_is_named_with_its_package(tmp_path):
    package(tmp_path, {"rehearsed/__init__.py": "1/0"}, "theirs = rehearsed:make\n")
    lines = in_child(
        tmp_path,
        """
        from opslab.engine.registry import standard_registry
        from opslab.errors import EngineError
        try:
            standard_registry().factory("theirs")
        except EngineError as error:
            print(error)
        """,
    )
    assert lines[0].startswith(
        "entry point 'theirs' of rehearsed 1.2: strategy 'theirs' cannot be loaded from 'rehearsed:make'"
    )
    assert "ZeroDivisionError" in lines[0]


def test_an_entry_point_with_a_built_in_name_is_refused(tmp_path):
    package(tmp_path, {"rehearsed/__init__.py": ""}, "Ops_Smoke_Demo = rehearsed:make\n")
    lines = in_child(
        tmp_path,
        """
        from opslab.engine.registry import standard_registry
        from opslab.errors import EngineError
        try:
            standard_registry()
        except EngineError as error:
            print(error)
        """,
    )
    assert "registered twice: by opslab (built in) and by entry point 'Ops_Smoke_Demo' of rehearsed 1.2" in lines[0]


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Return a function that writes files, imports a module afresh and returns its ``make``."""
    monkeypatch.syspath_prepend(tmp_path)

    def write_and_import(module, **files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.partition(".")[0] in ("codedpkg", "codedmod")]:
            monkeypatch.delitem(sys.modules, name)
        return importlib.import_module(module).make

    return write_and_import


MAKE = "def make(context):\n    return None\n"


def test_the_code_digest_of_a_module_changes_with_its_file(imported):
    before = code_sha256(imported("codedmod", codedmod=MAKE))
    assert code_sha256(imported("codedmod", codedmod=MAKE)) == before
    assert code_sha256(imported("codedmod", codedmod=MAKE + "# edited\n")) != before


def test_the_code_digest_of_a_package_changes_with_any_of_its_files(imported, tmp_path):
    (tmp_path / "codedpkg" / "inner").mkdir(parents=True)
    (tmp_path / "codedpkg" / "__init__.py").write_text("")
    make = imported("codedpkg.mod", codedpkg__mod=MAKE, codedpkg__other="X = 1\n")
    before = code_sha256(make)
    assert code_sha256(functools.partial(make)) == before
    (tmp_path / "codedpkg" / "other.py").write_text("X = 2\n")
    edited = code_sha256(make)
    (tmp_path / "codedpkg" / "inner" / "new.py").write_text("")
    assert len({before, edited, code_sha256(make)}) == 3


def test_the_code_digest_of_a_function_without_a_file_is_its_code():
    def typed(text):
        space = {"__name__": "no_such_module"}
        exec(text, space)
        return space["make"]

    assert code_sha256(typed(MAKE)) == code_sha256(typed(MAKE))
    assert code_sha256(typed(MAKE)) != code_sha256(typed(MAKE.replace("None", "7")))


def test_the_code_digest_of_a_callable_object_is_its_class():
    class Maker:
        def __call__(self, context):
            return None

    assert code_sha256(Maker()) == code_sha256(Maker) == code_sha256(make_nothing)


def test_code_that_cannot_be_read_is_refused():
    with pytest.raises(EngineError, match="cannot be read"):
        code_sha256(len)
