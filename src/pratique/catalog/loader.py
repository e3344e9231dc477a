"""Reads the catalogue's folders, each file once and only when somebody asks.

In: a folder (this package's, by default) and perhaps a mirror. Out: ARM documents, and the text behind a
template's URL: the catalogue's own first, then the mirror's, else an error that names the URL.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import orjson

from pratique.errors import NotFoundError

STORE: Final = "https://store.policy.core.windows.net/kubernetes"

_ROOT: Final = Path(__file__).parent / "definitions"
# `.../<name>/vN/<file>`: the version says which content; the catalogue has one, the mirror has one.
_URL = re.compile(
    r"https://[^/]+/(?:[^/]+/)*(?P<name>[A-Za-z0-9][\w-]*)/(?P<version>v\d+)/(?P<file>[\w-]+\.yaml)"
)


class Catalog:
    """Built-in definitions, and templates by their URL."""

    def __init__(self, *, root: Path = _ROOT, mirror: Path | None = None) -> None:
        self._root = root
        self._mirror = mirror
        self._documents: dict[str, dict[str, Any]] | None = None
        self._urls: dict[str, Path] | None = None
        self._texts: dict[str, str] = {}

    def names(self) -> list[str]:
        """Return the folder of each definition."""
        return sorted(path.parent.name for path in self._root.glob("*/definition.json"))

    def definitions(self) -> list[dict[str, Any]]:
        """Return the ARM document of each built-in definition."""
        return list(self._all().values())

    def initiatives(self) -> list[dict[str, Any]]:
        """Return the ARM document of each built-in initiative."""
        return []

    def get(self, identifier: str) -> dict[str, Any]:
        """Return one definition by its id, its GUID or its folder's name.

        Raises `NotFoundError`.
        """
        wanted = identifier.rstrip("/").rsplit("/", 1)[-1].casefold()
        found = self._all()
        for name, document in found.items():
            if wanted in (name.casefold(), str(document["name"]).casefold()):
                return document
        raise NotFoundError(
            f"the catalogue has no definition `{identifier}`", hint=f"it has {', '.join(found)}"
        )

    def template(self, url: str) -> str | None:
        """Return the text of a built-in's template by its URL, or None when it is not in the catalogue."""
        path = self._places().get(url.casefold())
        return None if path is None else self._read(path)

    def fetch(self, url: str) -> str:
        """Return the text behind a template's URL, from the catalogue or from the mirror.

        Raises `NotFoundError` naming the URL.
        """
        if (found := self.template(url)) is not None:
            return found
        match = _URL.fullmatch(url)
        if match is not None and self._mirror is not None:
            for folder in (f"{match['name']}/{match['version']}", match["name"]):
                path = self._mirror / folder / match["file"]
                if path.is_file():
                    return self._read(path)
        where = f"`{self._mirror}` has none either" if self._mirror else "no mirror is set"
        raise NotFoundError(
            f"the catalogue has no template for `{url}`, and {where}",
            hint=f"put it into a mirror folder as `{_mirrored(match)}` and name that folder with `--mirror`",
        )

    def _all(self) -> dict[str, dict[str, Any]]:
        if self._documents is None:
            self._documents = {
                name: orjson.loads((self._root / name / "definition.json").read_bytes())
                for name in self.names()
            }
        return self._documents

    def _places(self) -> dict[str, Path]:
        if self._urls is None:
            self._urls = {}
            for name, document in self._all().items():
                details = document["properties"]["policyRule"]["then"].get("details") or {}
                info = details.get("templateInfo") or details.get("mutationInfo") or {}
                if url := info.get("url"):
                    self._urls[str(url).casefold()] = self._root / name / url.rsplit("/", 1)[-1]
        return self._urls

    def _read(self, path: Path) -> str:
        key = str(path)
        if key not in self._texts:
            self._texts[key] = path.read_text(encoding="utf-8")
        return self._texts[key]


def _mirrored(match: re.Match[str] | None) -> str:
    return f"{match['name']}/{match['file']}" if match else "NAME/template.yaml"
