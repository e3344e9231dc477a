"""Format every module of the shared cases as `opa fmt` does: `python -m tests.conformance.formats`.

Every module of the language cases and every template's Rego is laid out in the version that it is written in, v0
also as text for both. `formats.txt` holds one digest of OPA's own output a topic, so that the comparison needs no OPA;
`formats-todo.txt` names the modules that are not compared, and why. `--write OPA` makes both anew with that program.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from tests.conformance import rego as language

from pratique import rego
from pratique.rego.format import Target, format_module

SHARED = Path(__file__).parents[3] / "shared" / "conformance"
DIGESTS = Path(__file__).with_name("formats.txt")
TODO = Path(__file__).with_name("formats-todo.txt")

_FLAGS: dict[Target, list[str]] = {"v0": ["--v0-compatible"], "v0v1": ["--v0-v1"], "v1": []}


class Item(NamedTuple):
    """A module to format: its topic, its name, its text, and the Rego to read and to write."""

    topic: str
    name: str
    text: str
    version: rego.Version
    target: Target

    def ours(self) -> str:
        """Return our layout, or nothing where it is refused."""
        return _formatted(self.text, self.version, self.target)


@cache
def _formatted(text: str, version: rego.Version, target: Target) -> str:
    try:
        return format_module(rego.Source("module.rego", text, version), target=target)
    except rego.CompileError:
        return ""


def items() -> Iterator[Item]:
    """Yield every module of the shared cases once, in each target."""
    seen: set[tuple[str, str]] = set()
    for topic, name, text, version in _modules():
        if (version, text) in seen:
            continue
        seen.add((version, text))
        targets: tuple[Target, ...] = ("v0", "v0v1") if version == "v0" else ("v1",)
        for target in targets:
            yield Item(topic, f"{target} {name}", text, version, target)


def _modules() -> Iterator[tuple[str, str, str, rego.Version]]:
    for folder in ("rego-v0", "rego-v1"):
        for name, topic, version, case in language.cases(SHARED / folder):
            for index, text in enumerate(case.get("modules") or ()):
                yield f"{folder}/{topic}", f"{name} #{index}", text, version
    for folder in ("gatekeeper-library", "gatekeeper", "azure-policy"):
        for path in sorted((SHARED / folder).rglob("*")):
            name = str(path.relative_to(SHARED))
            if path.suffix == ".rego":
                yield folder, name, path.read_text(), "v0"
            elif path.suffix in {".yaml", ".yml"}:
                for index, text in enumerate(_written_in(path)):
                    yield folder, f"{name} #{index}", text, "v0"


def _written_in(path: Path) -> Iterator[str]:
    """Yield every Rego text in a file of manifests."""
    try:
        documents = list(
            yaml.load_all(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        )
    except yaml.YAMLError:
        return
    yield from _texts(documents)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _texts(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "rego" and isinstance(value, str):
                yield value
            elif key == "libs" and isinstance(value, list):
                yield from (each for each in value if isinstance(each, str))
            else:
                yield from _texts(value)


def digests(outputs: list[tuple[Item, str]]) -> dict[str, str]:
    """Return for each topic and target how many modules there are and a digest of all their layouts."""
    topics: dict[str, list[str]] = {}
    for item, output in outputs:
        topics.setdefault(f"{item.target} {item.topic}", []).append(output)
    return {
        topic: f"{len(texts)} {hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}"
        for topic, texts in topics.items()
    }


def known() -> set[str]:
    """Return the names of the modules that are not compared."""
    return {line for line in TODO.read_text().splitlines() if line and not line.startswith("#")}


def compared() -> dict[str, str]:
    """Return the digests of our own layouts."""
    left_out = known()
    return digests([(item, item.ours()) for item in items() if item.name not in left_out])


def recorded() -> dict[str, str]:
    """Return the digests of OPA's layouts."""
    pairs = (line.rsplit(maxsplit=2) for line in DIGESTS.read_text().splitlines())
    return {topic: f"{count} {digest}" for topic, count, digest in pairs}


def write(opa: str) -> None:
    """Ask OPA for every layout and write down its digests, and what is not compared."""

    def ask(item: Item) -> str:
        run = subprocess.run(
            [opa, "fmt", *_FLAGS[item.target]], input=item.text.encode(), capture_output=True, check=False
        )
        return run.stdout.decode() if run.returncode == 0 else ""

    every = list(items())
    with ThreadPoolExecutor(2) as pool:
        outputs = list(zip(every, pool.map(ask, every), strict=True))
    refused = [item.name for item, theirs in outputs if not theirs]
    differing = [item.name for item, theirs in outputs if theirs and item.ours() != theirs]
    kept = [(item, theirs) for item, theirs in outputs if item.name not in {*refused, *differing}]
    lines = [f"{topic} {found}" for topic, found in digests(kept).items()]
    DIGESTS.write_text("\n".join(lines) + "\n")
    parts = [
        f"# {len(differing)}: our layout is another on purpose (docs/differences.md)",
        *differing,
        "",
        f"# {len(refused)}: OPA refuses them, most as v1",
        *refused,
    ]
    TODO.write_text("\n".join(parts) + "\n")
    print(f"{len(kept)} equal, {len(differing)} differ, {len(refused)} refused by OPA")


def main(arguments: list[str]) -> int:
    """Compare with what is recorded, or record anew."""
    if arguments[:1] == ["--write"]:
        write(arguments[1])
        return 0
    ours, theirs = compared(), recorded()
    wrong = sorted(topic for topic in ours.keys() | theirs.keys() if ours.get(topic) != theirs.get(topic))
    for topic in wrong:
        print(f"{topic}: ours {ours.get(topic)}, OPA's {theirs.get(topic)}")
    print(f"{len(ours)} topics, {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
