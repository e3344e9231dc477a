"""Which report goes where: `-o FORMAT` to standard output, `-o FORMAT=FILE` to a file.

In: what a person wrote, and findings. Out: text. Each format is a function in a module of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pratique.constraint import TemplateTime
from pratique.errors import InputError
from pratique.offline import ci, gator
from pratique.offline.finding import Finding
from pratique.offline.gator import JSON, YAML
from pratique.offline.policyreport import policyreport
from pratique.offline.sarif import sarif

HUMAN: Final = gator.HUMAN
FORMATS: Final[dict[str, Callable[[Sequence[Finding]], str]]] = {
    HUMAN: gator.human,
    "lines": ci.lines,
    JSON: gator.as_json,
    YAML: gator.as_yaml,
    "sarif": sarif,
    "junit": ci.junit,
    "github": ci.github,
    "gitlab": ci.gitlab,
    "tap": ci.tap,
    "policyreport": policyreport,
}
_ALIASES: Final = {"text": HUMAN}
# gator's own, which know nothing of findings that are accepted; the two with data can carry statistics.
_GATORS: Final = (HUMAN, JSON, YAML)
_WITH_STATS: Final = {JSON: gator.as_json, YAML: gator.as_yaml}


# What shows no lines, which cost a second reading of the documents.
_PLACELESS: Final = frozenset(_GATORS)


@dataclass(frozen=True, slots=True)
class Target:
    """One report: its format, and its file, which is empty for standard output."""

    format: str
    path: str = ""

    def put(self, texts: Iterable[str]) -> None:
        """Write the report's parts to its file, whose folder is made, or to standard output; raises `InputError`."""
        if not self.path:
            sys.stdout.writelines(texts)
            sys.stdout.flush()
            return
        path = Path(self.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8") as file:
                file.writelines(texts)
        except OSError as error:
            raise InputError(f"`{self.path}` cannot be written: {error.strerror}") from None


def targets(outputs: Sequence[str], known: Collection[str] = tuple(FORMATS)) -> list[Target]:
    """Read `-o` options of `known` formats; raises `InputError`.

    Text goes to standard output unless another report does. Of gator's own formats the last one counts that goes there,
    as for gator.
    """
    found: list[Target] = []
    for given in outputs:
        name, mark, path = given.partition("=")
        name = name.lower() if name or mark else HUMAN  # as gator takes it
        name = _ALIASES.get(name, name)
        if name not in known:
            raise InputError(f"there is no output format `{name}`", hint=f"one of {', '.join(known)}")
        if not path and name in _GATORS:
            found = [target for target in found if target.path or target.format not in _GATORS]
        found.append(Target(name, path))
    if sum(not target.path for target in found) > 1:
        raise InputError(
            "two reports cannot share standard output", hint="write one of them to a file: `-o FORMAT=FILE`"
        )
    if all(target.path for target in found):
        found.append(Target(HUMAN))
    return found


def places(wanted: Sequence[Target]) -> bool:
    """Tell whether a report shows where findings stand."""
    return any(target.format not in _PLACELESS for target in wanted)


def told(wanted: Sequence[Target]) -> bool:
    """Tell whether one report is wanted whose texts are made where objects are judged (`telling`)."""
    return len(wanted) == 1 and wanted[0].format in _GATORS


def framed(name: str, texts: Iterator[Sequence[str]], first: str = "") -> Iterator[str]:
    """Yield the parts of a report that `telling` made the texts of; `first` stands in the first one's place."""
    if name == JSON:
        return gator.json_array(texts)
    return gator.yaml_list(first, texts) if name == YAML else ("".join(some) for some in texts)


def render(name: str, findings: Sequence[Finding], *, stats: Sequence[TemplateTime] | None = None) -> str:
    """Return findings in a format; only gator's formats with data show statistics."""
    if name in _GATORS:
        findings = [finding for finding in findings if not finding.accepted]
    if stats is not None and name in _WITH_STATS:
        return _WITH_STATS[name](findings, stats=[gator.stats_entry(one) for one in stats])
    return FORMATS[name](findings)
