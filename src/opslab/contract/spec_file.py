"""Reads a run spec from YAML strictly: one clear error with its line, no environment, no network, bounded work."""

from __future__ import annotations

import difflib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from opslab.contract.spec import RunSpec
from opslab.contract.spec_keys import at, check_keys, children
from opslab.errors import SpecError, one_line
from opslab.root import require_text

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24
MAX_NODES = 10_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class SpecFile:
    """A run spec with the bytes that it was read from.

    Attributes:
        spec: the validated spec.
        content: the file's bytes, copied into the bundle as they are.
        path: where it was read.
        lines: the 1-based line of each key path, such as ``("risk", "profile")``.
    """

    spec: RunSpec
    content: bytes
    path: Path
    lines: dict[tuple[str | int, ...], int]


def read_spec(path: str | Path) -> SpecFile:
    """Read, parse and validate the spec at ``path``.

    Raises:
        SpecError: the file is missing, no regular file, too big, not UTF-8, not YAML or not a run spec.
        RootError: its path is no text, which the run's record must name.
    """
    content = read_bounded(Path(path), "run spec")
    require_text(Path(path).absolute())
    spec, lines = parse_spec(content, str(path))
    return SpecFile(spec=spec, content=content, path=Path(path).absolute(), lines=lines)


def read_bounded(path: Path, noun: str) -> bytes:
    """Return the bytes of a small regular file.

    Raises:
        SpecError: it is missing, no regular file, unreadable or larger than ``MAX_BYTES``.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise SpecError(f"is {kind}", where=path, fix=f"name a {noun} file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpecError(f"{noun} cannot be read: {reason}", where=path, fix="check the path") from error
    if len(content) > MAX_BYTES:
        raise SpecError(f"is larger than {MAX_BYTES // 1024} KiB", where=path, fix=f"a {noun} is a few lines of YAML")
    return content


def parse_spec(content: bytes, where: str) -> tuple[RunSpec, dict[tuple[str | int, ...], int]]:
    """Return the validated spec in ``content`` and the line of each of its keys.

    Raises:
        SpecError: with ``where`` and the line.
    """
    node = compose_strict(content, where, "run spec")
    lines: dict[tuple[str | int, ...], int] = {}
    _collect_lines(node, (), lines)
    try:
        raw = _construct(node)
    except yaml.YAMLError as error:
        raise _yaml_error(error, where) from error
    try:
        return RunSpec.model_validate(raw), lines
    except ValidationError as error:
        raise _first_finding(error, where, lines) from error


def compose_strict(content: bytes, where: str, noun: str) -> yaml.Node:
    """Return the YAML mapping in ``content`` as a node tree of bounded depth and size, without duplicate keys.

    Raises:
        SpecError: empty, not UTF-8, not YAML, no mapping, nested too deep, a key given twice (by a merge, too)
            or an alias bomb.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError("is not UTF-8", where=f"{where}:{line}", fix="save it as UTF-8") from error
    try:
        _check_depth(text, where)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        place = f"{where}:{text.count('\n', 0, error.position) + 1}"
        raise SpecError(f"is not text: {one_line(error.reason, 160)}", where=place, fix="remove it") from error
    except yaml.YAMLError as error:
        raise _yaml_error(error, where) from error
    if node is None:
        raise SpecError("is empty", where=where, fix=f"write a {noun} into it (`tc spec schema` shows the fields)")
    if not isinstance(node, yaml.MappingNode):
        raise SpecError("is not a YAML mapping at top level", where=where, fix="write `key: value` lines")
    if _expanded_size(node, {}, where) > MAX_NODES:
        raise SpecError(f"expands to more than {MAX_NODES} values", where=where, fix="remove the aliases")
    check_keys(node, where)
    return node


class _Constructor(yaml.SafeLoader):
    """Says which line holds a value that is not what its tag or look promises, such as a 13th month."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's
        try:
            return super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception as error:  # PyYAML's constructors raise whatever int(), a regex or a lookup raises
            kind = node.tag.rpartition(":")[2]
            problem = f"{one_line(node.value, 40)!r} cannot be read as {kind}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def _construct(node: yaml.Node) -> Any:
    loader = _Constructor("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_depth(text: str, where: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise SpecError(
                    f"is nested deeper than {MAX_DEPTH} levels", where=at(where, event.start_mark), fix="flatten it"
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _expanded_size(node: yaml.Node, sizes: dict[int, int | None], where: str) -> int:
    known = sizes.get(id(node), 0)
    if known is None:
        raise SpecError("an alias contains itself", where=at(where, node.start_mark), fix="remove the alias")
    if known:
        return known
    sizes[id(node)] = None
    size = 1 + sum(_expanded_size(child, sizes, where) for child in children(node))
    sizes[id(node)] = size
    return size


def _collect_lines(node: yaml.Node, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, str(key.value))] = key.start_mark.line + 1
            _collect_lines(value, (*path, str(key.value)), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _collect_lines(value, (*path, index), lines)


def _yaml_error(error: yaml.YAMLError, where: str) -> SpecError:
    mark = getattr(error, "problem_mark", None)
    parts = [getattr(error, name, None) for name in ("context", "problem")]
    problem = " ".join(part for part in parts if part) or error
    return SpecError(f"is not valid YAML: {one_line(problem, 160)}", where=at(where, mark), fix="correct that line")


def _first_finding(error: ValidationError, where: str, lines: dict[tuple[str | int, ...], int]) -> SpecError:
    findings = error.errors(include_url=False, include_context=False)
    # A misspelt key shows up twice, as unknown and as missing: the unknown one tells more.
    finding = next((item for item in findings if item["type"] == "extra_forbidden"), findings[0])
    path = finding["loc"]
    known = next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), 1)
    name = one_line(".".join(str(part) for part in path), 80)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    message, fix = _told(finding["type"], finding["msg"], path)
    subject = f"{name}: " if name else ""
    return SpecError(f"{subject}{message}{more}", where=f"{where}:{known}", fix=fix)


_PLAIN = {
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "string_type": "must be text",
}
"""Pydantic's kinds of errors in plain words."""


def _told(kind: str, message: str, path: tuple[str | int, ...]) -> tuple[str, str]:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _known_keys(path[:-1]), n=1, cutoff=0.5)
        return "unknown key", f"did you mean {near[0]!r}?" if near else "remove it (`tc spec schema` lists the keys)"
    if kind == "missing":
        return "is missing", "add it (`tc spec schema` shows what it takes)"
    if kind in _PLAIN:
        return _PLAIN[kind], "correct it (`tc spec schema` shows what it takes)"
    return message.removeprefix("Value error, "), "correct it (`tc spec schema` shows what it takes)"


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    schema = RunSpec.model_json_schema()
    place: dict[str, Any] = schema
    for part in path:
        place = place.get("items", {}) if isinstance(part, int) else place.get("properties", {}).get(part, {})
        place = next((option for option in place.get("anyOf", []) if "$ref" in option), place)
        if "$ref" in place:
            place = schema["$defs"][place["$ref"].rsplit("/", 1)[1]]
    return sorted(place.get("properties", {}))
