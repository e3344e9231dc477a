"""Run OPA's own language cases: `python -m tests.conformance.rego DIR...`.

Each DIR holds `<topic>.json` files of cases (rego.md 4.1). Prints the notes of what failed and
`N passed, M failed`; exits 1 when anything failed. A folder whose name ends in `v0` is read as Rego v0.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from pratique import rego
from pratique.errors import Location

TODO = Path(__file__).with_name("todo.txt")

# Texts of these topics are Go's own (regular expressions, tokens, certificates, ...): the code is compared.
CODE_ONLY = ("regex", "jwt", "graphql", "crypto", "net", "time", "json", "units", "providers", "yaml", "uri")


# Releases differ: what OPA 1.22.2 answers to these cases of older ones was looked up, and is what we answer.
_OLDER = "the case is of an older OPA; 1.22.2 answers as we do"
EXPLAINED = (
    (r"graphql", "refused family: GraphQL"),
    (r"providers-aws", "refused family: signing requests for a cloud"),
    (r"netlookupipaddr|invalidkeyerror", "refused family: the network"),
    (r"time/time caching", "the case calls `test.sleep`, which only the program of OPA's own tests has"),
    (r"reachable_paths/cycle_1022_3", "not well defined, as OPA itself says (issue 5871)"),
    (r"v0/typebuiltin", f'{_OLDER}: `is_number("a")` is false, not undefined'),
    (r"v0/jsonbuiltins", f"{_OLDER}: `json.is_valid(1)` is false, not an error"),
    (r"v0/jwtencodesign", f"{_OLDER}: headers are signed without spaces"),
    (r"v0/regoparsemodule: regoparsemodule/ok", f"{_OLDER}: `rego.parse_module` reads Rego v1"),
    (r"v0/units", f"{_OLDER}: the refusal begins with `units.parse:`"),
    (r"v0/reachable: reachable/malformed", f"{_OLDER}: a graph of numbers is refused"),
    (
        r"v0/functions: functions/default",
        f"{_OLDER}: the document of a package has its default functions in it",
    ),
)


def main(arguments: list[str]) -> int:
    """Run every case of the folders; `--write-todo` rewrites the list of those that do not pass."""
    folders = [Path(each) for each in arguments if each != "--write-todo"]
    passed = 0
    failures: dict[str, str] = {}
    for folder in folders:
        for name, topic, version, case in cases(folder):
            reason = run(case, topic, version)
            if reason:
                failures[name] = reason
            else:
                passed += 1
    for name, reason in failures.items():
        print(f"{name}: {reason}")
    if "--write-todo" in arguments:
        TODO.write_text(todo(failures))
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


def todo(failures: dict[str, str]) -> str:
    """Return the list of what does not pass, by reason, most first."""
    groups: dict[str, list[str]] = {}
    for name, reason in failures.items():
        known = next((why for pattern, why in EXPLAINED if re.search(pattern, name)), None)
        missing = re.search(r"undefined function ([a-z0-9_.]+)", reason)
        found = f"builtin {missing[1]} is not there yet" if missing else reason
        cause = known or re.sub(r"test-\d+\.rego:\d+: ", "", found)[:160]
        groups.setdefault(cause, []).append(name)
    lines = ["# Cases that do not pass, by reason (`python -m tests.conformance.rego --write-todo DIR...`)."]
    for cause, names in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        lines += ["", f"# {len(names)}: {cause}", *names]
    return "\n".join(lines) + "\n"


def cases(folder: Path) -> Iterator[tuple[str, str, rego.Version, dict[str, Any]]]:
    """Yield a name of its own, topic, Rego version and case for each case of a folder."""
    version: rego.Version = "v0" if folder.name.endswith("v0") else "v1"
    seen: Counter[str] = Counter()
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text())
        for case in found["cases"] if isinstance(found, dict) else found:
            name = f"{folder.name}/{path.stem}: {case['note']}".replace("\n", " ")
            seen[name] += 1
            yield (f"{name} ({seen[name]})" if seen[name] > 1 else name), path.stem, version, case


def run(case: dict[str, Any], topic: str, version: rego.Version) -> str:
    """Return why the case fails, or nothing."""
    try:
        found = answer(case, version)
    except rego.CompileError as error:
        first = error.problems[0]
        return wrong_error(case, topic, first.code, first.message, first.location)
    except rego.EvaluationError as error:
        return wrong_error(case, topic, error.code, error.message, error.location)
    except Exception as error:  # the runner goes on; a crash is a failed case
        return f"crashed: {type(error).__name__}: {error}"
    if "want_error" in case or "want_error_code" in case:
        return f"wanted {case.get('want_error_code', '')} {case.get('want_error', '')}, got {short(found)}"
    if case.get("want_defined") is not None and case.get("want_result") is None:
        return "" if bool(found) is case["want_defined"] else f"wanted defined, got {short(found)}"
    want = [plain(row, case) for row in case.get("want_result") or []]
    got = [plain(row, case) for row in found]
    return "" if sorted(want) == sorted(got) else f"wanted {short(want)}, got {short(got)}"


def answer(case: dict[str, Any], version: rego.Version) -> list[dict[str, Any]]:
    """Return the rows that our engine answers."""
    sources = [
        rego.Source(f"test-{number}.rego", text, version=version)
        for number, text in enumerate(case.get("modules") or [])
    ]
    options: dict[str, Any] = {"strict": bool(case.get("strict_error")), "version": version}
    if "input_term" in case:
        options["input"] = rego.query([], f"x = {case['input_term']}", version=version)[0]["x"]
    elif "input" in case:
        options["input"] = case["input"]
    rows = rego.query(sources, case["query"], data=case.get("data") or {}, **options)
    return [{name: rego.to_json(value) for name, value in row.items()} for row in rows]


def wrong_error(case: dict[str, Any], topic: str, code: str, message: str, place: Location) -> str:
    """Return why an error is not the one that the case wants, or nothing."""
    text = f"{place.file}:{place.line}: {code}: {message}"
    wanted, part = case.get("want_error_code"), case.get("want_error")
    if wanted is None and part is None:
        return f"failed: {text}"
    if wanted is not None and wanted != code:
        return f"wanted {wanted}, got {text}"
    if wanted is not None and topic.startswith(CODE_ONLY):
        return ""
    return "" if part is None or part in text else f"wanted `{part}`, got `{text}`"


def plain(row: dict[str, Any], case: dict[str, Any]) -> str:
    """Return a row as text that is equal for equal rows."""
    return json.dumps(_sorted(row, arrays=bool(case.get("sort_bindings"))), sort_keys=True)


def _sorted(value: Any, *, arrays: bool) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(item, arrays=arrays) for name, item in value.items()}
    if isinstance(value, list):
        items = [_sorted(item, arrays=arrays) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if arrays else items
    if isinstance(value, float | Decimal) and value == int(value):
        return int(value)
    return value


def short(value: Any) -> str:
    """Return the beginning of a value's text."""
    text = json.dumps(value, default=str)
    return text if len(text) < 300 else f"{text[:300]}..."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
