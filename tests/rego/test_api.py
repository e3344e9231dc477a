"""What `pratique.rego` hands out: complete, in order, and each with an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pratique import rego
from pratique.errors import InputError
from pratique.rego.builtins import registry

# Constants, and a name for two texts: nothing to call.
PLAIN = {"FINGERPRINT", "UNDEFINED", "Version"}


def test_all_names_every_public_name_in_order() -> None:
    public = {
        name
        for name, value in vars(rego).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(rego.__all__) == public
    kinds = [(0 if name.isupper() else 1 if name[0].isupper() else 2, name) for name in rego.__all__]
    assert kinds == sorted(kinds), "constants, classes, functions"


@pytest.mark.parametrize("name", ["rego", *sorted(set(rego.__all__) - PLAIN)])
def test_every_docstring_has_an_example_that_runs(name: str) -> None:
    shown: Any = rego if name == "rego" else getattr(rego, name)
    found = [
        each
        for each in doctest.DocTestFinder(recurse=False).find(shown, name, module=False, globs={})
        if each.examples
    ]
    assert found, f"{name} has no example"
    said: list[str] = []
    runner = doctest.DocTestRunner()
    failed = sum(runner.run(each, out=said.append).failed for each in found)
    assert not failed, "".join(said)


@pytest.mark.parametrize("name", sorted(set(rego.__all__) - PLAIN))
def test_every_public_method_says_what_it_does(name: str) -> None:
    shown = getattr(rego, name)
    for member, value in vars(shown).items() if inspect.isclass(shown) else ():
        if not member.startswith("_") and inspect.isfunction(value):
            assert value.__doc__, f"{name}.{member}"


def test_a_builtin_of_ones_own_refuses_operands_in_opas_words() -> None:
    twice = {"acme.twice": rego.define("acme.twice", "number|string -> any", lambda value: value * 2)}
    query = "x := acme.twice(input)"
    assert rego.query([], query, input="ab", builtins=twice) == [{"x": "abab"}]
    assert rego.query([], query, input=[], builtins=twice) == []
    with pytest.raises(rego.EvaluationError) as caught:
        rego.query([], query, input=[], builtins=twice, strict=True)
    assert caught.value.message == "acme.twice: operand 1 must be one of {number, string} but got array"
    with pytest.raises(rego.CompileError, match="arity mismatch"):
        rego.query([], "acme.twice(1, 2, 3)", builtins=twice)


@pytest.mark.parametrize("signature", ["", "string", "text -> string", "string -> ", "string| -> number"])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    with pytest.raises(InputError, match="no signature"):
        rego.define("acme.f", signature, lambda: None)


def test_a_stored_policy_imports_the_builtins_that_it_calls() -> None:
    text = 'package a\np := sprintf("%v", [upper(input.x)])\n'
    kept = rego.compile([rego.Source("a.rego", text)]).dump()
    code = f"""
import sys
from pratique import rego
policy = rego.restore({kept!r})
assert policy.evaluate("data.a.p", {{"x": "b"}}) == "B"
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pratique.rego.builtins.strings" in loaded
    assert not {"pratique.rego.builtins.tokens", "cryptography", "joserfc"} & loaded


def test_every_file_of_builtins_is_listed() -> None:
    known = set(rego.builtins())
    for file in Path(registry.__file__).parent.glob("*.py"):
        importlib.import_module(f"pratique.rego.builtins.{file.stem}")
    assert set(rego.builtins()) == known


ALONE = """
import importlib, sys
from pratique.rego.builtins import registry
for file in registry.FILES:
    names, modules = set(registry._TABLE), set(sys.modules)
    importlib.import_module(f"pratique.rego.builtins.{file}")
    files = {name.rpartition(".")[2] for name in set(sys.modules) - modules}
    print(*[name for name in set(registry._TABLE) - names if registry._TABLE[name].group not in files])
"""


def test_a_builtin_is_registered_by_the_file_of_its_group() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    assert registry.files(["mul", "upper", "mine"]) == ["operators", "strings"]
