"""The Kubernetes API as a bed sees it: status, warnings and body of each answer, exactly as they came.

Plain HTTP on the standard library, so that nothing of the project stands between what is judged and the judge.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    code: int
    body: Any
    warnings: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Tell whether the request was fulfilled."""
        return self.code < 300


class Api:
    """One server, one user; safe to use from several threads."""

    def __init__(self, server: str, *, ca: Path, token: str) -> None:
        self.server, self.ca, self.token = server, ca, token
        self._address = urllib.parse.urlsplit(server)
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._local = threading.local()
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}

    def write_kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig for this server and user, and return its path."""
        cluster = {"server": self.server, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bed",
            "clusters": [{"name": "bed", "cluster": cluster}],
            "users": [{"name": "bed", "user": {"token": self.token}}],
            "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": "bed"}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def request(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Answer:
        """Send one request."""
        data = None if body is None else json.dumps(body)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": kind,
            "Accept": "application/json",
        }
        for attempt in (1, 2):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = http.client.HTTPSConnection(
                    self._address.hostname or "", self._address.port, timeout=60, context=self._tls
                )
            try:
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                text = response.read()
                break
            except (OSError, http.client.HTTPException):
                connection.close()
                self._local.connection = None
                if attempt == 2:
                    raise
        warnings = [
            found.replace('\\"', '"').replace("\\\\", "\\")
            for header in response.headers.get_all("Warning") or ()
            for found in _WARNING.findall(header)
        ]
        try:
            parsed = json.loads(text or b"null")
        except ValueError:
            parsed = text.decode(errors="replace")
        return Answer(response.status, parsed, tuple(warnings))

    def path(self, obj: Object, *, name: str | None = None, version: str = "") -> str:
        """Return the path of an object, or of its collection when `name` is empty."""
        api_version = obj["apiVersion"]
        if version:
            api_version = f"{api_version.rpartition('/')[0]}/{version}"
        plural, namespaced = self._resource(api_version, obj["kind"])
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        meta = obj.get("metadata") or {}
        if namespaced:
            base += f"/namespaces/{meta.get('namespace') or 'default'}"
        name = meta.get("name", "") if name is None else name
        return f"{base}/{plural}" + (f"/{urllib.parse.quote(name)}" if name else "")

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        key = (api_version, kind)
        if key not in self._resources:
            base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
            found = self.request("GET", base)
            for one in (found.body or {}).get("resources") or () if found.good else ():
                if "/" not in one["name"]:
                    self._resources[(api_version, one["kind"])] = (one["name"], one["namespaced"])
        if key not in self._resources:
            raise LookupError(f"{api_version} {kind} is not served")
        return self._resources[key]

    def get(self, obj: Object, *, version: str = "") -> Answer:
        """Read an object as it is now."""
        return self.request("GET", self.path(obj, version=version))

    def create(self, obj: Object, *, query: str = "") -> Answer:
        """Create an object."""
        return self.request("POST", self.path(obj, name="") + query, obj)

    def delete(self, obj: Object, *, query: str = "") -> Answer:
        """Delete an object."""
        return self.request("DELETE", self.path(obj) + query)

    def replace(self, obj: Object, *, query: str = "") -> Answer:
        """Write an object over the one that is there."""
        return self.request("PUT", self.path(obj) + query, obj)

    def patch(self, obj: Object, patch: Any, *, kind: str = "application/merge-patch+json") -> Answer:
        """Patch an object."""
        return self.request("PATCH", self.path(obj), patch, kind=kind)

    def apply(self, obj: Object) -> Answer:
        """Apply an object, as the server does it, whatever others own."""
        query = "?fieldManager=bed&force=true"
        return self.request("PATCH", self.path(obj) + query, obj, kind="application/apply-patch+yaml")
