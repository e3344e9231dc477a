"""Policy bundles from an OCI registry, as `oras push` puts them there and gator pulls them.

In: a reference such as `ghcr.io/org/policies:1.2` or `...@sha256:...`. Out: the bundle's files, by name, in memory. A
layer is a file named by its title, or an archive that is unpacked (OCI image spec, manifest and annotations;
distribution spec, pull; docker's token authentication). Content is held to its digest and to a size.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import ipaddress
import re
import tarfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from pratique.client.dockerconfig import Login, login
from pratique.errors import DeniedError, InputError, NotFoundError, UnavailableError

MAX_BYTES: Final = 64 * 2**20
TITLE: Final = "org.opencontainers.image.title"
UNPACK: Final = "io.deis.oras.content.unpack"
_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_REFERENCE = re.compile(
    r"(?P<registry>[A-Za-z0-9.-]+(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?)"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a bundle is."""

    registry: str
    repository: str
    reference: str

    @classmethod
    def of(cls, text: str) -> Reference:
        """Read a reference; raises `InputError`."""
        found = _REFERENCE.fullmatch(text.removeprefix("oci://"))
        if found is None:
            raise InputError(f"`{text}` is no image", hint="write `registry/repository:tag`")
        return cls(found["registry"], found["repository"], found["digest"] or found["tag"] or "latest")

    @property
    def host(self) -> str:
        """Return the host without its port."""
        return urllib.parse.urlsplit(f"//{self.registry}").hostname or ""

    @property
    def is_local(self) -> bool:
        """Tell whether the registry is on this machine: such ones are asked without TLS, as oras does."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def pull(image: str, *, plain_http: bool = False) -> dict[str, bytes]:
    """Return the files of a bundle by name.

    Raises `InputError` for what is no bundle, `NotFoundError`, `DeniedError` and `UnavailableError`.
    """
    return asyncio.run(_pull(image, plain_http))


async def _pull(image: str, plain_http: bool) -> dict[str, bytes]:
    reference = Reference.of(image)
    scheme = "http" if plain_http or reference.is_local else "https"
    registry = _Registry(image, reference, f"{scheme}://{reference.registry}/v2/{reference.repository}")
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
            return await registry.files(session)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        hint = "" if scheme == "http" else "a registry without TLS is asked with `--plain-http`"
        raise UnavailableError(
            f"cannot pull `{image}`: {error or type(error).__name__}", hint=hint
        ) from error


@dataclass(slots=True)
class _Registry:
    """One pull."""

    image: str
    reference: Reference
    url: str
    _authorization: str = ""
    _left: int = field(default_factory=lambda: MAX_BYTES)

    async def files(self, session: aiohttp.ClientSession) -> dict[str, bytes]:
        manifest = await self._manifest(session, self.reference.reference)
        if isinstance(manifest.get("manifests"), list) and manifest["manifests"]:
            # An index: policies are the same for every platform.
            manifest = await self._manifest(session, str(manifest["manifests"][0].get("digest")))
        layers = manifest.get("layers")
        if not isinstance(layers, list):
            raise InputError(f"`{self.image}` is no bundle of files: its manifest has no layers")
        found: dict[str, bytes] = {}
        for layer in layers:
            digest, annotations = str(layer.get("digest")), layer.get("annotations") or {}
            content = await self._get(session, f"/blobs/{digest}", digest)
            title = annotations.get(TITLE, "")
            if title and annotations.get(UNPACK) != "true":
                found[title] = content
            else:
                found.update(self._unpacked(content))
        return found

    def _unpacked(self, content: bytes) -> Iterator[tuple[str, bytes]]:
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive:
                    if member.isfile() and (file := archive.extractfile(member)) is not None:
                        self._take(member.size)
                        yield member.name.removeprefix("./"), file.read()
        except (tarfile.TarError, EOFError, OSError) as error:
            raise InputError(f"`{self.image}` has a layer that is no archive: {error}") from None

    async def _manifest(self, session: aiohttp.ClientSession, reference: str) -> dict[str, Any]:
        digest = reference if reference.startswith("sha256:") else ""
        content = await self._get(session, f"/manifests/{reference}", digest)
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise InputError(f"`{self.image}` has no manifest that can be read")
        return found

    async def _get(self, session: aiohttp.ClientSession, path: str, digest: str) -> bytes:
        content = await self._try(session, path)
        if digest and f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise InputError(f"`{self.image}`: the registry sent something else than `{digest}`")
        return content

    async def _try(self, session: aiohttp.ClientSession, path: str) -> bytes:
        for again in (False, True):
            headers = {"Accept": ", ".join(_MANIFESTS)} if path.startswith("/manifests") else {}
            if self._authorization:
                headers["Authorization"] = self._authorization
            async with session.get(self.url + path, headers=headers) as answer:
                if answer.status == 401 and not again:
                    challenge = answer.headers.get("WWW-Authenticate", "")
                    self._authorization = await self._authorized(session, challenge)
                    continue
                if answer.status in (401, 403):
                    raise DeniedError(
                        f"the registry does not let us pull `{self.image}`",
                        hint=f"sign in: `docker login {self.reference.registry}`",
                    )
                if answer.status == 404:
                    raise NotFoundError(f"there is no image `{self.image}`")
                if answer.status >= 400:
                    raise UnavailableError(f"the registry answers {answer.status} for `{self.image}`")
                return await self._read(answer)
        raise AssertionError("unreachable: the second answer returns or raises")

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        parts = []
        async for part in answer.content.iter_chunked(2**16):
            self._take(len(part))
            parts.append(part)
        return b"".join(parts)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise InputError(
                f"`{self.image}` is larger than {MAX_BYTES // 2**20} MiB: that is no bundle of policies"
            )

    async def _authorized(self, session: aiohttp.ClientSession, challenge: str) -> str:
        """Return the header that answers a registry's challenge (distribution, "token authentication")."""
        kind, _, rest = challenge.partition(" ")
        known = await asyncio.to_thread(login, self.reference.registry)
        if kind.lower() != "bearer":
            return known.basic
        values = dict(_CHALLENGE.findall(rest))
        realm = values.pop("realm", "")
        values.setdefault("scope", f"repository:{self.reference.repository}:pull")
        if not realm.startswith(("http://", "https://")):
            raise UnavailableError(
                f"the registry of `{self.image}` asks for a token without saying where from"
            )
        return await _token(session, realm, values, known)


async def _token(session: aiohttp.ClientSession, realm: str, values: dict[str, str], known: Login) -> str:
    if known.token:
        form = {
            **values,
            "grant_type": "refresh_token",
            "client_id": "pratique",
            "refresh_token": known.token,
        }
        request = session.post(realm, data=form)
    else:
        headers = {"Authorization": known.basic} if known.basic else {}
        request = session.get(realm, params=values, headers=headers)
    async with request as answer:
        try:
            found = orjson.loads(await answer.read()) if answer.status < 400 else {}
        except orjson.JSONDecodeError:
            found = {}
    token = (found.get("token") or found.get("access_token")) if isinstance(found, dict) else None
    return f"Bearer {token}" if token else ""
