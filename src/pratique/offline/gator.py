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
from pratique.offline.goyaml import Made

HUMAN: Final = "human"
JSON: Final = "json"
YAML: Final = "yaml"
TARGET: Final = "admission.k8s.gatekeeper.sh"
# encoding/json escapes what could end a script element, and the two line separators of JavaScript.
_ESCAPED: Final = tuple((char, f"\\u{ord(char):04x}") for char in "<>&\u2028\u2029")

_QUOTED: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"
}  # fmt: skip
_INDENT: Final = 4
# A text as JSON; `json.dumps` makes an encoder each time.
_text: Final = json.JSONEncoder(ensure_ascii=False).encode


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


def json_made(value: Any) -> Made:
    """Return the text of an object as a result of `as_json` has it."""
    return Made(escape_json("".join(_json(ordered(value), f"\n{' ' * _INDENT * 2}"))))


def json_result(violation: Row, constraint: Made, found: Made) -> str:
    """Return one result as `json_array` takes it."""
    parts = _json(_shaped(violation, constraint, found, None), f"\n{' ' * _INDENT}")
    return "".join([part if type(part) is Made else escape_json(part) for part in parts])


def json_array(results: Iterator[Sequence[str]]) -> Iterator[str]:
    """Yield the parts of `as_json`'s array of what `json_result` made, some at a time."""
    lead = f"[\n{' ' * _INDENT}"
    for some in results:
        if some:
            yield lead
            lead = f",\n{' ' * _INDENT}"
            yield lead.join(some)
    yield "null" if lead[0] == "[" else "\n]"


def yaml_constraint(value: Any) -> Made:
    """Return the text of a constraint as a result of `as_yaml` has it, but for the first one."""
    return Made(goyaml.flow(goyaml.ordered(value)))


def yaml_found(value: Any) -> Made:
    """Return the text of an object as a result of `as_yaml` has it, but for the first one."""
    return Made(goyaml.flow(_floats(goyaml.ordered(value))))


def yaml_result(violation: Row, constraint: Made, found: Made) -> str:
    """Return one result of `as_yaml` that is not the first."""
    return f"- {goyaml.flow(_yaml_shaped(violation, constraint, found, None))}\n"


def yaml_first(violation: Row, constraint: Any, found: Any) -> str:
    """Return the first result of `as_yaml`, which alone is in block style; its constraint and object are plain."""
    both = goyaml.ordered(constraint), _floats(goyaml.ordered(found))
    return goyaml.dump([_yaml_shaped(violation, *both, None)])


def yaml_list(first: str, results: Iterator[Sequence[str]]) -> Iterator[str]:
    """Yield the parts of `as_yaml`'s list of what `yaml_first` and `yaml_result` made, some at a time."""
    yield first or "[]\n"
    skipped = 1
    for some in results:
        yield "".join(some[skipped:])
        skipped = 0 if some else skipped


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
    if isinstance(value, Made):
        yield value
    elif isinstance(value, str):
        yield _text(value)
    elif isinstance(value, (dict, list)) and value:
        ends = "{}" if isinstance(value, dict) else "[]"
        inner = line + " " * _INDENT
        lead = ends[0] + inner
        for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            yield lead
            if key is not None:
                yield f"{_text(key)}: "
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
    for char, escaped in _ESCAPED:
        # Mostly there is none, and looking for one at a time is what takes no time.
        text = text.replace(char, escaped)
    return text


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
    constraint, found = ordered(finding.constraint.object), ordered(finding.object)
    return _shaped(finding.violation, constraint, found, finding.trace)


def _shaped(violation: Row, constraint: Any, found: Any, trace: str | None) -> dict[str, Any]:
    """Return a result; its constraint and object are ordered, or made."""
    shape: dict[str, Any] = {"target": TARGET}
    if violation.message:
        shape["msg"] = violation.message
    if metadata := _metadata(violation):
        shape["metadata"] = metadata
    shape["constraint"] = constraint
    shape["enforcementAction"] = violation.enforcement_action
    if violation.enforcement_action == SCOPED:
        shape["scopedActions"] = list(violation.actions)
    shape["violatingObject"] = found
    shape["trace"] = trace
    return shape


def _yaml_result(finding: Finding) -> dict[str, Any]:
    constraint, found = goyaml.ordered(finding.constraint.object), _floats(goyaml.ordered(finding.object))
    return _yaml_shaped(finding.violation, constraint, found, finding.trace)


def _yaml_shaped(violation: Row, constraint: Any, found: Any, trace: str | None) -> dict[str, Any]:
    """Return a result; its constraint and object are ordered, or made."""
    return {
        "result": {
            "target": TARGET,
            "msg": violation.message,
            "metadata": _floats(goyaml.ordered(_metadata(violation))),
            "constraint": {"object": constraint},
            "enforcementaction": violation.enforcement_action,
            "scopedenforcementactions": list(violation.actions)
            if violation.enforcement_action == SCOPED
            else [],
        },
        "violatingObject": found,
        "trace": trace,
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
