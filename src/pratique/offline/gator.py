"""Findings in the three formats of `gator test`: for people, JSON and YAML, byte for byte.

In: findings. Out: text. Keys of objects are sorted and `<`, `>`, `&` are escaped in JSON, as Go does it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from pratique.constraint import TemplateTime
from pratique.constraint.validation import SCOPED
from pratique.kube import yaml
from pratique.offline.check import Finding

TARGET: Final = "admission.k8s.gatekeeper.sh"
# encoding/json escapes what could end a script element, and the two line separators of JavaScript.
_ESCAPED: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}

_QUOTED: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"
}  # fmt: skip
_INDENT: Final = 4


def human(findings: Sequence[Finding]) -> str:
    """Return one line a finding."""
    return "".join(f"{line(finding)}\n" for finding in findings)


def line(finding: Finding) -> str:
    """Return a finding as gator prints it for people."""
    found = finding.object
    metadata = found.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    subject = f"{found.get('apiVersion') or ''}/{found['kind']} {namespace}{metadata.get('name') or ''}"
    constraint = finding.violation.constraint_name
    return f"{subject}: [{quote(constraint)}] Message: {quote(finding.violation.message)}"


def quote(text: str) -> str:
    """Return a text as Go's `%q` prints it."""
    if text.isascii() and text.isprintable():
        # Almost every message: character by character, they took as long to print as to find.
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f'"{"".join(_quoted(char) for char in text)}"'


def _quoted(char: str) -> str:
    if char in _QUOTED:
        return _QUOTED[char]
    if char == " " or char.isprintable():
        return char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def as_json(findings: Sequence[Finding], *, stats: Sequence[Any] | None = None) -> str:
    """Return the findings as a JSON array, or `null`; with `stats`, an object of both."""
    results = [_result(finding) for finding in findings] or None
    return dump_json(results if stats is None else {"results": results, "stats": list(stats)})


def as_yaml(findings: Sequence[Finding], *, stats: Sequence[Any] | None = None) -> str:
    """Return the findings as YAML, whose shape differs from the JSON's (gatekeeper.md 6.1)."""
    results = [_yaml_result(finding) for finding in findings]
    return dump_yaml(results if stats is None else {"results": results, "stats": list(stats)})


def dump_json(value: Any) -> str:
    """Return JSON as Go's encoder indents and escapes it."""
    return escape_json(json.dumps(value, indent=4, ensure_ascii=False))


def escape_json(text: str) -> str:
    """Return JSON with the escapes that Go's encoder adds."""
    return text.translate(_ESCAPED)


def stats_entry(taken: TemplateTime, *, source: str = "") -> dict[str, Any]:
    """Return the statistics of one template as gator shows them; `source` is the short form of its bench."""
    engine = source or {"type": "engine", "value": "Rego"}
    figures = (("templateRunTimeNS", taken.nanoseconds), ("constraintCount", taken.constraints))
    labels = (("TracingEnabled", False), ("PrintEnabled", False), ("target", TARGET))
    return {
        "scope": "template",
        "statsFor": taken.kind,
        "stats": [{"name": name, "value": value, "source": engine} for name, value in figures],
        "labels": [{"name": name, "value": value} for name, value in labels],
    }


def _result(finding: Finding) -> dict[str, Any]:
    violation = finding.violation
    found: dict[str, Any] = {
        "target": TARGET,
        "msg": violation.message,
        "metadata": {"details": ordered(violation.details)},
        "constraint": ordered(finding.constraint.object),
        "enforcementAction": violation.enforcement_action,
    }
    if violation.enforcement_action == SCOPED:
        found["scopedActions"] = list(violation.actions)
    found["violatingObject"] = ordered(finding.object)
    found["trace"] = None
    return found


def _yaml_result(finding: Finding) -> dict[str, Any]:
    violation = finding.violation
    return {
        "result": {
            "target": TARGET,
            "msg": violation.message,
            "metadata": {"details": ordered(violation.details)},
            "constraint": {"object": ordered(finding.constraint.object)},
            "enforcementaction": violation.enforcement_action,
            "scopedenforcementactions": list(violation.actions)
            if violation.enforcement_action == SCOPED
            else [],
        },
        "violatingObject": ordered(finding.object),
        "trace": None,
    }


def ordered(value: Any) -> Any:
    """Return a value with the keys of all its objects sorted, as Go writes maps."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value


def dump_yaml(value: Any) -> str:
    """Return YAML as go-yaml v3 lays it out: four spaces a level, lists inside their key."""
    if not isinstance(value, (dict, list)) or not value:
        return f"{_scalar(value, 0)}\n"
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, indent: int) -> list[str]:
    pad = " " * indent
    # go-yaml rounds up to whole levels; only what stands behind a dash begins two columns later.
    below = _INDENT * ((indent + _INDENT) // _INDENT)
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            lead = f"{pad}{_scalar(str(key), indent)}:"
            if isinstance(item, (dict, list)) and item:
                lines += [lead, *_lines(item, below)]
            else:
                lines.append(f"{lead} {_scalar(item, below)}")
        return lines
    for item in value:
        if isinstance(item, (dict, list)) and item:
            first, *rest = _lines(item, indent + 2)
            lines += [f"{pad}- {first.removeprefix(pad + '  ')}", *rest]
        else:
            lines.append(f"{pad}- {_scalar(item, indent + 2)}")
    return lines


def _scalar(value: Any, indent: int) -> str:
    if isinstance(value, str) and "\n" in value:
        text = yaml.dump([value])[2:].rstrip("\n")
        first, *rest = text.split("\n")
        return "\n".join([first, *(f"{' ' * indent}{row[2:]}" if row else "" for row in rest)])
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return yaml.dump([value])[2:].rstrip("\n")
