"""Tables of single calls, and what OPA answers: `python -m tests.rego.calls OPA FILE...` asks the real one.

A case is a `call`, evaluated on its own (`with` is the input as a Rego term: what is written there escapes the
checks of literal arguments, and may hold sets), and the JSON text of its answer, `want` (null: undefined). `error`
is the refusal of a builtin on the way to it, `code` the refusal where its words are those of a library of Go's.
`rego` is v0 where the call is one that v1 refuses. The program rewrites `want`, `error` and `code` of every case of
the files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml

CASES = Path(__file__).parents[1] / "cases" / "rego" / "calls"


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a name and a case for each case of each table."""
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.load(path.read_text(), Loader=yaml.CSafeLoader):
            given = f" with {case['with']}" if "with" in case else ""
            yield f"{path.stem}: {case['call']}{given}"[:120], case


def source(case: dict[str, Any]) -> str:
    """Return a module whose rule `answer` is the case's call."""
    given = f" with input as {case['with']}" if "with" in case else ""
    head = "answer := x if" if version(case) == "v1" else "answer = x"
    return f"package case\n\n{head} {{ x := {case['call']}{given} }}\n"


def version(case: dict[str, Any]) -> Literal["v0", "v1"]:
    """Return the version of Rego that the case's module is in."""
    return "v0" if case.get("rego") == "v0" else "v1"


def ask(opa: str, case: dict[str, Any]) -> dict[str, Any]:
    """Return the case with what OPA answers."""
    asked = {name: case[name] for name in ("builtin", "call", "with", "rego") if name in case}
    with tempfile.NamedTemporaryFile("w", suffix=".rego") as file:
        file.write(source(case))
        file.flush()
        command = [opa, "eval", "--format", "json", "--show-builtin-errors", "-d", file.name, "data.case"]
        command += ["--v0-compatible"] if version(case) == "v0" else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = _parsed(done.stdout) if done.stdout else {"errors": [{"message": done.stderr[:200]}]}
    if "result" not in found:
        raise SystemExit(f"opa does not evaluate {case['call']}: {found['errors'][0]['message']}")
    value = found["result"][0]["expressions"][0]["value"]
    answer = {**asked, "want": _compact(value["answer"]) if "answer" in value else None}
    for error in found.get("errors", [])[:1]:
        answer |= (
            {"code": error["code"]} if "code" in case else {"error": f"{error['code']}: {error['message']}"}
        )
    return answer


class _Number(str):
    """A number as it is written."""


def compact(text: str) -> str:
    """Return a JSON text in one form: sorted, no spaces, numbers as they are written."""
    return _compact(_parsed(text))


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=_Number, parse_int=_Number)


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        pairs = [f"{json.dumps(name, ensure_ascii=False)}:{_compact(value[name])}" for name in sorted(value)]
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_compact, value))}]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def main(arguments: list[str]) -> None:
    """Rewrite the files with what OPA answers."""
    opa, *files = arguments
    for name in files:
        path = Path(name)
        head = "".join(f"{line}\n" for line in path.read_text().splitlines() if line.startswith("#"))
        asked = [ask(opa, case) for case in yaml.safe_load(path.read_text())]
        path.write_text(head + yaml.safe_dump(asked, allow_unicode=True, sort_keys=False, width=1_000_000))


if __name__ == "__main__":
    main(sys.argv[1:])
