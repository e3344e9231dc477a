"""Helm charts and kustomizations, rendered by the tools that people render them with.

In: a folder that holds a `Chart.yaml` or a `kustomization.yaml`. Out: the documents that the tool makes of it, each
with the file that it came from: a chart's template (helm's `# Source:` comments; lines are those of the rendered
document), or the resource that kustomize read (its own `originAnnotations`, taken out again; lines are those of the
original). A tool that is not on PATH is an error with the cure, never a folder passed over.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pratique.errors import InputError, PratiqueError, UnavailableError
from pratique.kube import objects, yaml
from pratique.offline.entries import Entry, Origin, read_text, split

CHART: Final = "Chart.yaml"
KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SECONDS: Final = 120

_SOURCE = re.compile(r"^# Source: ([^\n]+)\n", re.MULTILINE)
_ORIGIN: Final = "config.kubernetes.io/origin"
_SHOWN: Final = 20  # lines of a tool's complaint
# What Helm says, and the cure; `{}` is the folder.
_HELM_CURES: Final = (
    (
        re.compile(r"missing in charts/ directory"),
        "fetch what the chart depends on: `helm dependency build {}`",
    ),
    (
        re.compile(r"nil pointer evaluating|execution error at|don't meet the specifications of the schema"),
        "give the chart the values that it wants: `--values FILE`",
    ),
)
# What is around a tool's complaint and says nothing to the person who wrote the folder.
_NOISE: Final = (
    re.compile(r'^E\d{4} [^\]]*\] "command failed" err="(?=.)'),
    re.compile(r"^Use --debug flag to render out invalid YAML$"),
)
_MISSING: Final = re.compile(r"(?:lstat|stat|open) (\S+?): no such file or directory")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a folder rendered to, and the folders (real paths) that it is made of."""

    folder: str
    entries: tuple[Entry, ...]
    uses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders folders; `values` are files for Helm's `--values`."""

    values: tuple[str, ...] = ()

    def render(self, folder: str, names: Sequence[str]) -> Rendered | None:
        """Return what a folder with these names in it renders to, None when it is a plain one.

        A kustomize Component renders nothing: it is part of others. Raises `UnavailableError` when the tool is
        missing and `InputError` when it refuses the folder.
        """
        if CHART in names:
            return Rendered(folder, tuple(self._chart(folder)))
        found = next((name for name in KUSTOMIZATIONS if name in names), None)
        if found is None:
            return None
        path = os.path.join(folder, found)
        written = _written(path)
        entries = () if written.get("kind") == "Component" else tuple(_kustomization(folder, path))
        return Rendered(folder, entries, frozenset(_bases(folder, written)))

    def _chart(self, folder: str) -> Iterator[Entry]:
        helm = shutil.which("helm")
        if helm is None:
            raise UnavailableError(
                f"`{folder}` is a Helm chart, and `helm` is not on PATH",
                hint=f"install Helm, or render it elsewhere and pipe it here: `helm template {folder}`; "
                "`--no-render` reads the files as they are",
            )
        values = [part for name in self.values for part in ("--values", name)]
        text = _run([helm, "template", os.path.abspath(folder), "--include-crds", *values], folder)
        for entry in split(folder, text):
            source = _SOURCE.search(entry.text)
            if source is None:
                yield entry
            else:
                # The first part is the chart's name; the folder may have another one.
                path = os.path.join(folder, source[1].strip().partition("/")[2])
                yield Entry(path, 0, entry.text[source.end() :])


def _written(path: str) -> dict[str, Any]:
    try:
        found = yaml.read(read_text(path))
    except PratiqueError:
        return {}  # kustomize will say what is wrong with it
    return found[0] if found and isinstance(found[0], dict) else {}


def _bases(folder: str, written: dict[str, Any]) -> Iterator[str]:
    for key in ("resources", "bases", "components"):
        named = written.get(key)
        for name in named if isinstance(named, list) else ():
            if isinstance(name, str) and os.path.isdir(path := os.path.join(folder, name)):
                yield os.path.realpath(path)


def _kustomization(folder: str, path: str) -> Iterator[Entry]:
    """Yield what kustomize makes of a folder.

    It is asked about an overlay in a folder of our own, which adds nothing but the annotations with the origins.
    """
    tool = _kustomize()
    if tool is None:
        raise UnavailableError(
            f"`{folder}` is a kustomization, and neither `kustomize` nor `kubectl` is on PATH",
            hint=f"install kustomize, or render it elsewhere and pipe it here: `kustomize build {folder}`; "
            "`--no-render` reads the files as they are",
        )
    with tempfile.TemporaryDirectory(prefix="pratique-") as made:
        overlay = os.path.realpath(made)
        base = os.path.relpath(os.path.realpath(folder), overlay)
        text = yaml.dump({"resources": [base], "buildMetadata": ["originAnnotations"]})
        Path(overlay, KUSTOMIZATIONS[0]).write_text(text, encoding="utf-8")
        rendered = _run([*tool, overlay], folder)
    for entry in split(path, rendered):
        found = entry.read()
        if isinstance(found, dict):
            file = _original(found, overlay, folder) or path
            origin = Origin(file, str(found.get("kind") or ""), objects.name(found))
            yield Entry(file, 0, yaml.dump(found), origin)


def _kustomize() -> list[str] | None:
    if found := shutil.which("kustomize"):
        return [found, "build"]
    if found := shutil.which("kubectl"):
        return [found, "kustomize"]
    return None


def _original(found: dict[str, Any], overlay: str, folder: str) -> str:
    """Take the annotation with the origin out of an object, and return the file, empty if it is not on this disk."""
    annotations = objects.metadata(found).get("annotations")
    if not isinstance(annotations, dict) or not isinstance(annotations.get(_ORIGIN), str):
        return ""
    (origin,) = yaml.read(annotations.pop(_ORIGIN)) or [{}]
    if not annotations:
        del found["metadata"]["annotations"]
    path = origin.get("path") or origin.get("configuredIn") if isinstance(origin, dict) else None
    if not isinstance(path, str) or origin.get("repo"):
        return ""
    # As seen from the folder, so that a name begins as the person wrote it.
    inside = os.path.relpath(os.path.join(overlay, path), os.path.realpath(folder))
    return os.path.normpath(os.path.join(folder, inside))


def _run(command: list[str], folder: str) -> str:
    tool = os.path.basename(command[0])
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"`{tool}` did not render `{folder}` within {SECONDS} seconds") from None
    except OSError as error:
        raise UnavailableError(f"`{tool}` cannot be run: {error.strerror}") from None
    if done.returncode:
        raise _refused(tool, folder, done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "replace")


def _refused(tool: str, folder: str, said: str) -> InputError:
    """Return what a tool has against a folder, in its own words without what is around them, and the cure if known."""
    lines = []
    for line in said.strip().splitlines()[-_SHOWN:]:
        for noise in _NOISE:
            line, found = noise.subn("", line)
            line = line.removesuffix('"') if found else line
        lines += [line] if line.strip() else []
    cure = ""
    if tool == "helm":
        cure = next((cure for pattern, cure in _HELM_CURES if pattern.search(said)), "")
    elif missing := _MISSING.findall(said):
        # kustomize tells each of its steps on the way to the one file.
        lines = [f"`{os.path.relpath(missing[-1])}` is not there"]
        cure = "look at what `kustomization.yaml` names in {}"
    return InputError("\n".join([f"`{tool}` cannot render `{folder}`:", *lines]), hint=cure.format(folder))
