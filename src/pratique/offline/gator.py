"""Findings in the three formats of `gator test`: for people, JSON and YAML, byte for byte.

In: findings. Out: text. Keys of objects are sorted and `<`, `>`, `&` are escaped in JSON, as Go does it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pratique import rego
from pratique.constraint import TemplateTime
from pratique.constraint.validation import SCOPED
from pratique.constraint.violation import UNMATCHED
from pratique.offline import goyaml
from pratique.offline.finding import Finding, Row, Subject

TARGET: Final = "admission.k8s.gatekeeper.sh"
# encoding/json escapes what could end a script element, and the two line separators of JavaScript.
_ESCAPED: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}

_QUOTED: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"
}  # fmt: skip
_INDENT: Final = 4


def human(findings: Sequence[Finding]) -> str:
    """Return one line a finding."""
    return "".join(
        f"{line(finding)}\n" + (f"Trace: {finding.trace}" if finding.trace is not None else "")
        for finding in findings
    )


def line(finding: Finding) -> str:
    """Return a finding as gator prints it for people."""
    violation = finding.violation
    return f"{opening(finding.subject)}{named(violation.constraint_name)}{quote(violation.message)}"


def opening(subject: Subject) -> str:
    """Return how all lines about an object begin."""
    version, kind, namespace, name = subject
    return f"{version}/{kind} {namespace}/{name}: " if namespace else f"{version}/{kind} {name}: "


def named(constraint: str) -> str:
    """Return what stands in all lines of a constraint before the message."""
    return f"[{quote(constraint)}] Message: "


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
    if stats is None:
        return goyaml.dump_results(results)
    return goyaml.dump({"results": results, "stats": list(stats)})


def dump_json(value: Any) -> str:
    """Return JSON as Go's encoder indents, escapes and counts it."""
    return escape_json("".join(_json(value, "\n")))


def _json(value: Any, line: str) -> Iterator[str]:
    """Yield the parts of a value; `line` is what begins a line on its level."""
    if isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False)
    elif isinstance(value, (dict, list)) and value:
        ends = "{}" if isinstance(value, dict) else "[]"
        inner = line + " " * _INDENT
        lead = ends[0] + inner
        for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            yield lead
            if key is not None:
                yield f"{json.dumps(key, ensure_ascii=False)}: "
            yield from _json(item, inner)
            lead = "," + inner
        yield line + ends[1]
    elif isinstance(value, rego.Spelled):
        yield value.text
    elif isinstance(value, float):
        yield goyaml.number(value, low=-6, high=21).replace("e-0", "e-")
    else:
        yield json.dumps(value)


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
    found: dict[str, Any] = {"target": TARGET}
    if violation.message:
        found["msg"] = violation.message
    if metadata := _metadata(violation):
        found["metadata"] = metadata
    found["constraint"] = ordered(finding.constraint.object)
    found["enforcementAction"] = violation.enforcement_action
    if violation.enforcement_action == SCOPED:
        found["scopedActions"] = list(violation.actions)
    found["violatingObject"] = ordered(finding.object)
    found["trace"] = finding.trace
    return found


def _yaml_result(finding: Finding) -> dict[str, Any]:
    violation = finding.violation
    return {
        "result": {
            "target": TARGET,
            "msg": violation.message,
            "metadata": _floats(goyaml.ordered(_metadata(violation))),
            "constraint": {"object": goyaml.ordered(finding.constraint.object)},
            "enforcementaction": violation.enforcement_action,
            "scopedenforcementactions": list(violation.actions)
            if violation.enforcement_action == SCOPED
            else [],
        },
        "violatingObject": _floats(goyaml.ordered(finding.object)),
        "trace": finding.trace,
    }


def _metadata(violation: Row) -> dict[str, Any]:
    """Return a result's metadata: a policy's details, and nothing for a constraint that could not be matched."""
    if violation.error and violation.details is None and UNMATCHED in violation.message:
        return {}
    return {"details": ordered(violation.details)}


def _floats(value: Any) -> Any:
    """Return a value with floats for all numbers: on the way to YAML gator reads them from JSON, as Go does."""
    if isinstance(value, dict):
        return {key: _floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def ordered(value: Any) -> Any:
    """Return a value with the keys of all its objects sorted, as Go writes maps."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value
