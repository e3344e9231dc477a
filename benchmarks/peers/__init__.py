"""Other Rego engines, asked the same questions: OPA's Go API, regorus and regopy.

`scripts/peers` fetches and builds them. Each peer answers a `Case` with the median of the microseconds of CPU time
for one evaluation, and with its result as plain JSON, so that nothing is timed that answers something else.
"""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Final

from benchmarks.library import Case

FOLDER: Final = Path(__file__).parents[2] / ".cache" / "peers"
ROUND: Final = 50


class MissingError(Exception):
    """A peer is not here; the text says which, and how to get it."""


def timed(seconds: float, fresh: Callable[[], Any], evaluate: Callable[[Any], Any]) -> float:
    """Return the median of the microseconds of CPU time for one call of `evaluate` with a `fresh` value."""
    rounds: list[float] = []
    end = time.perf_counter() + seconds
    while len(rounds) < 3 or time.perf_counter() < end:
        inputs = [fresh() for _ in range(ROUND)]
        start = time.process_time()
        for each in inputs:
            evaluate(each)
        rounds.append((time.process_time() - start) / ROUND)
    return statistics.median(rounds) * 1e6


class Opa:
    """OPA's prepared queries, in a process of their own."""

    def __init__(self) -> None:
        program = FOLDER / "bin" / "opa-eval"
        if not program.exists():
            raise MissingError("opa: `scripts/peers opa-eval` builds it")
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def measure(self, case: Case, seconds: float) -> tuple[dict[str, float], Any]:
        """Return the times from a Go value and from parsed input, and the result."""
        asked = {
            "modules": [
                {"name": each.file, "text": each.text, "v0": each.version == "v0"} for each in case.sources
            ],
            "query": case.entrypoint if case.entrypoint.startswith("data.") else f"data.{case.entrypoint}",
            "input": case.question,
            "data": case.data,
            "seconds": seconds,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        if "error" in found:
            raise ValueError(found["error"])
        return {"opa_go": found["go_us"], "opa_parsed": found["parsed_us"]}, found["result"]


class Regorus:
    """regorus (Rust) called from Python.

    Its answers are taken as JSON: its own conversion makes Python sets, which cannot hold an object.
    """

    def __init__(self) -> None:
        self._module = _imported("regorus")

    def measure(self, case: Case, seconds: float) -> tuple[dict[str, float], Any]:
        """Return the time from a Python dict to Python values, and the result."""
        engine = self._module.Engine()
        for each in case.sources:
            engine.set_rego_v0(each.version == "v0")
            engine.add_policy(each.file, each.text)
        engine.add_data(case.data)

        def evaluate(question: dict[str, Any]) -> Any:
            engine.set_input(question)
            return json.loads(engine.eval_rule_as_json(case.entrypoint))

        found = evaluate(case.question)
        return {"regorus": timed(seconds, lambda: copy.deepcopy(case.question), evaluate)}, found


class Regopy:
    """regopy (rego-cpp, C++) called from Python; it reads Rego v1 only, so OPA rewrites the modules."""

    def __init__(self) -> None:
        self._module = _imported("regopy")
        self._opa = FOLDER / "bin" / "opa"
        if not self._opa.exists():
            raise MissingError("regopy: needs `scripts/peers opa` to rewrite v0 modules")
        self._rewritten: dict[str, str] = {}

    def measure(self, case: Case, seconds: float) -> tuple[dict[str, float], Any]:
        """Return the time from a Python dict to Python values, and the result."""
        path = case.entrypoint.removeprefix("data.").replace(".", "/")
        builder = self._module.Interpreter()
        for each in case.sources:
            builder.add_module(each.file, self._v1(each.text) if each.version == "v0" else each.text)
        builder.add_data(case.data)
        bundle = builder.build(None, [path])
        interpreter = self._module.Interpreter()

        def evaluate(question: dict[str, Any]) -> Any:
            interpreter.set_input(question)
            return json.loads(str(interpreter.query_bundle_entrypoint(bundle, path)))

        found = evaluate(case.question)
        answer = found["expressions"][0] if "expressions" in found else None
        return {"regopy": timed(seconds, lambda: copy.deepcopy(case.question), evaluate)}, answer

    def _v1(self, text: str) -> str:
        if text not in self._rewritten:
            command = [self._opa, "fmt", "--v0-v1"]
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
            self._rewritten[text] = done.stdout
        return self._rewritten[text]


class Alone:
    """A peer in a process of its own, since some answers of a native library are a crash."""

    def __init__(self, kind: type[Regorus | Regopy]) -> None:
        kind()
        self._kind = kind
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_quiet)

    def measure(self, case: Case, seconds: float) -> tuple[dict[str, float], Any]:
        """Return what the peer measures."""
        try:
            return self._pool.submit(_asked, self._kind, case, seconds).result()
        except BrokenProcessPool:
            self._pool.shutdown()
            self._pool = self._new()
            raise RuntimeError("the process crashed") from None


def _quiet() -> None:
    # rego-cpp prints what it refuses, and its whole state before it dies.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


_kept: dict[type, Regorus | Regopy] = {}


def _asked(kind: type[Regorus | Regopy], case: Case, seconds: float) -> tuple[dict[str, float], Any]:
    if kind not in _kept:
        _kept[kind] = kind()
    return _kept[kind].measure(case, seconds)


PEERS: Final[dict[str, Callable[[], Opa | Alone]]] = {
    "opa": Opa,
    "regorus": lambda: Alone(Regorus),
    "regopy": lambda: Alone(Regopy),
}


def _imported(name: str) -> Any:
    folder = str(FOLDER / "python")
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        return __import__(name)
    except ImportError:
        raise MissingError(f"{name}: `scripts/peers {name}` fetches it") from None
