"""The head of a version's source: YAML of plain keys and values between two --- lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import yaml

from outreach.domain.errors import Refusal, invalid
from outreach.domain.templating import RECORD_FIELDS
from outreach.letters.model import PERMIT_PLACEHOLDERS, Envelope, LetterHead, Zone
from outreach.letters.placeholders import NAME
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField

LINE = "---"
_MAX_CHARACTERS = 10_000
"""YAML is read slowly."""
_MAX_DEPTH = 4
_MAX_PLACEHOLDERS = 40
_MAX_PAGES = 20
_MILLIMETRES = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")
_HEAD_KEYS = ("title", "bank", "agency", "return_address", "envelope", "duplex", "placeholders", "zones")
_ZONE_NAMES = ("number", "address", "sheet_code")
_ENVELOPES = {envelope.value: envelope for envelope in Envelope}
_TYPES = {PlaceholderType.Name(kind).removeprefix("PLACEHOLDER_TYPE_"): kind for kind in RECORD_FIELDS}
_LENGTHS = {"title": 40, "bank": 60, "agency": 60, "return_address": 120}


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the head says; `zones` by name, empty for a version laid out by us."""

    head: LetterHead
    zones: dict[str, Zone]


def refuse(line: int, message: str) -> Refusal:
    """A refusal that names the line of the source, counted from 1."""
    return invalid("source", f"第 {line} 行 line {line}: {message}")


def read_front_matter(lines: list[str]) -> FrontMatter:
    """Reads what stands between the --- lines; the first of `lines` is the source's second line. Raises Refusal."""
    text = "\n".join(lines)
    if len(text) > _MAX_CHARACTERS:
        raise refuse(
            1, f"文件头至多 {_MAX_CHARACTERS} 字。The front matter takes at most {_MAX_CHARACTERS} characters."
        )
    keys = _mapping(_compose(text), "文件头 the front matter", _HEAD_KEYS)
    head = LetterHead(
        title=_text(keys, "title"),
        bank_name=_text(keys, "bank"),
        agency_name=_text(keys, "agency", required=False),
        return_address=_text(keys, "return_address"),
        envelope=_choice(keys, "envelope", _ENVELOPES),
        duplex=_choice(keys, "duplex", {"true": True, "false": False}),
        placeholders=_placeholders(keys),
    )
    return FrontMatter(head, _zones(keys))


def _compose(text: str) -> yaml.Node:
    """The document's nodes. Aliases, anchors and tags are refused: a head needs none, and they can grow without end."""
    try:
        depth = 0
        for event in yaml.parse(text, yaml.BaseLoader):
            if getattr(event, "anchor", None) or getattr(event, "tag", None):
                raise refuse(
                    _line(event), "不支持锚点、引用和标签。Anchors, aliases and tags are not read: write it out."
                )
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise refuse(_line(event), "嵌套过深。Is nested too deep.")
        node = yaml.compose(text, yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise refuse(mark.line + 2 if mark else 2, f"不是 YAML not YAML: {error.problem or ''}") from None
    except yaml.YAMLError:
        raise refuse(2, "不是 YAML not YAML") from None
    if node is None:
        raise refuse(1, f"文件头为空。The front matter is empty: it needs {', '.join(_HEAD_KEYS[:4])}.")
    return node


def _line(at: yaml.Node | yaml.Event) -> int:
    return at.start_mark.line + 2 if at.start_mark else 2


_T = TypeVar("_T")


class _Found(dict[str, yaml.Node]):
    """Keys of a mapping, and the line it stands at."""

    line = 1


def _mapping(node: yaml.Node, what: str, known: tuple[str, ...]) -> _Found:
    listed = "、".join(known)
    if not isinstance(node, yaml.MappingNode):
        raise refuse(_line(node), f"{what} 须为 键: 值。Must be keys and values: {listed}.")
    found = _Found()
    found.line = _line(node)
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name not in known:
            raise refuse(_line(key), f"没有此键。There is no such key: {name[:40]}. 可用 Known: {listed}.")
        if name in found:
            raise refuse(_line(key), f"{name} 重复。Stands there twice.")
        found[name] = value
    return found


def _scalar(node: yaml.Node, name: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise refuse(_line(node), f"{name} 须为一个值。Must be one value.")
    return str(node.value).strip()


def _text(keys: _Found, name: str, *, required: bool = True) -> str:
    value = _scalar(keys[name], name) if name in keys else ""
    if not value:
        if required:
            line = _line(keys[name]) if name in keys else 1
            raise refuse(line, f"缺少 {name}。The front matter needs {name}.")
        return ""
    if len(value) > _LENGTHS[name] or "\n" in value or "{" in value or "}" in value:
        raise refuse(
            _line(keys[name]),
            f"{name} 至多 {_LENGTHS[name]} 字，一行，不含变量。"
            f"Takes at most {_LENGTHS[name]} characters on one line, no placeholders.",
        )
    return value


def _choice(keys: _Found, name: str, choices: Mapping[str, _T]) -> _T:
    if name not in keys:
        raise refuse(keys.line, f"缺少 {name}。Needs {name}: {', '.join(choices)}.")
    value = _scalar(keys[name], name)
    if value not in choices:
        raise refuse(_line(keys[name]), f"{name} 须为其一 must be one of: {', '.join(choices)}.")
    return choices[value]


def _placeholders(keys: _Found) -> tuple[Placeholder, ...]:
    node = keys.get("placeholders")
    if node is None:
        return ()
    if not isinstance(node, yaml.SequenceNode):
        raise refuse(_line(node), "placeholders 须为列表 must be a list: - {name: overdue, type: AMOUNT, …}")
    if len(node.value) > _MAX_PLACEHOLDERS:
        raise refuse(_line(node), f"变量至多 {_MAX_PLACEHOLDERS} 个。Takes at most {_MAX_PLACEHOLDERS} placeholders.")
    found: dict[str, Placeholder] = {}
    for item in node.value:
        placeholder = _placeholder(item)
        if placeholder.name in found:
            raise refuse(_line(item), f"{placeholder.name} 重复声明。Is declared twice.")
        found[placeholder.name] = placeholder
    return tuple(found.values())


def _placeholder(node: yaml.Node) -> Placeholder:
    keys = _mapping(node, "变量 a placeholder", ("name", "type", "record_field"))
    name = _scalar(keys["name"], "name") if "name" in keys else ""
    if not NAME.fullmatch(name):
        raise refuse(
            keys.line,
            "变量名须为小写字母、数字、下划线，至多 32 位。A placeholder's name is lower case, such as due_date.",
        )
    if name in PERMIT_PLACEHOLDERS:
        raise refuse(
            keys.line, f"{name} 无须声明，直接使用。Comes from the permit: use {{{name}}} without declaring it."
        )
    kind = _choice(keys, "type", _TYPES)
    fields = {RecordField.Name(field).removeprefix("RECORD_FIELD_"): field for field in sorted(RECORD_FIELDS[kind])}
    if "UNSPECIFIED" not in fields:
        return Placeholder(name=name, type=kind, record_field=_choice(keys, "record_field", fields))
    if "record_field" in keys:
        raise refuse(
            keys.line, f"{name} 由申请方提供，请删去 record_field。The caller gives it: leave out record_field."
        )
    return Placeholder(name=name, type=kind)


def _zones(keys: _Found) -> dict[str, Zone]:
    if "zones" not in keys:
        return {}
    zones = _mapping(keys["zones"], "zones", _ZONE_NAMES)
    missing = [name for name in _ZONE_NAMES if name not in zones]
    if missing:
        raise refuse(zones.line, f"缺少区域 zones needs {', '.join(missing)}.")
    return {name: _zone(name, node) for name, node in zones.items()}


def _zone(name: str, node: yaml.Node) -> Zone:
    keys = _mapping(node, f"区域 the zone {name}", ("page", "x", "y", "width", "height"))
    lengths = []
    for key in ("page", "x", "y", "width", "height"):
        value = _scalar(keys[key], key) if key in keys else ""
        if not _MILLIMETRES.fullmatch(value):
            raise refuse(keys.line, f"{name}.{key} 须为毫米数。Must be millimetres from the top left, such as 24.5.")
        lengths.append(float(value))
    page, x, y, width, height = lengths
    if page not in range(1, _MAX_PAGES + 1):
        raise refuse(keys.line, f"{name}.page 须为 1 至 {_MAX_PAGES} 的页码。Must be a page's number.")
    if not width or not height:
        raise refuse(keys.line, f"{name} 宽高须大于零。Must have a width and a height.")
    return Zone(int(page), x, y, width, height)
