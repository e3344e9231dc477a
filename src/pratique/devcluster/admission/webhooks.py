"""Mutating and validating admission webhooks: whom to ask, in which order, and what an answer means.

Source: `admission/plugin/webhook/{mutating,validating}/dispatcher.go` of k8s.io/apiserver.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from pratique.devcluster import defaults
from pratique.devcluster.admission import match, review, services
from pratique.devcluster.admission.attributes import Attributes, Cluster, Object
from pratique.devcluster.admission.caller import Caller, CallError
from pratique.kube import patch, status

MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"


class CallingWebhookError(Exception):
    """A webhook could not be asked or answered nonsense; its failurePolicy decides what that means."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of one configuration."""

    configuration: str
    spec: Object

    @property
    def name(self) -> str:
        """Return the webhook's name, a domain."""
        return str(self.spec.get("name", ""))

    @property
    def ignores_failures(self) -> bool:
        """Tell whether a failed call lets the request pass."""
        return self.spec.get("failurePolicy") == "Ignore"


class Rounds:
    """Which webhooks are asked a second time, because the object changed after they saw it."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._again: set[tuple[str, str]] = set()
        self.changed = False
        self.second = False

    def object_changed(self) -> None:
        """Ask every webhook that was asked so far, and wants it, once more."""
        self.changed = True
        self._again |= self._seen
        self._seen = set()

    def asked(self, hook: Hook) -> None:
        """Remember a webhook that wants to be asked again when the object changes."""
        if hook.spec.get("reinvocationPolicy") == "IfNeeded":
            self._seen.add((hook.configuration, hook.name))

    def wants(self, hook: Hook) -> bool:
        """Tell whether to ask it in this round."""
        return not self.second or (hook.configuration, hook.name) in self._again


class Webhooks:
    """All webhooks of a cluster."""

    def __init__(self, cluster: Cluster, versions: Callable[[str], list[str]]) -> None:
        self._cluster = cluster
        self._versions = versions
        self._caller = Caller()

    async def close(self) -> None:
        """Close the connections to webhooks."""
        await self._caller.close()

    def _hooks(self, configurations: str) -> list[Hook]:
        found = sorted(self._cluster.list(configurations), key=lambda obj: str(obj["metadata"]["name"]))
        return [Hook(obj["metadata"]["name"], spec) for obj in found for spec in obj.get("webhooks") or ()]

    def _version(self, hook: Hook, attributes: Attributes) -> str | None:
        """Return the version to send, or None when the webhook does not want this request."""
        if not match.object_selected(hook.spec, attributes):
            return None
        selected = match.namespace_selected(hook.spec, attributes, self._cluster)
        if selected is False:
            return None
        version = match.matching_version(hook.spec, attributes, self._versions(attributes.group_resource))
        if version is not None and selected is None:
            raise status.missing("namespaces", "", attributes.namespace or attributes.name)
        return version

    async def mutate(self, attributes: Attributes, rounds: Rounds) -> None:
        """Ask the mutating webhooks one after the other; each sees what the ones before it made."""
        for hook in self._hooks(MUTATING):
            version = self._version(hook, attributes)
            if version is None or not rounds.wants(hook):
                continue
            try:
                changed = await self._mutate_by(hook, attributes, version)
            except CallingWebhookError as error:
                if not hook.ignores_failures:
                    raise _failed(hook, error) from None
                changed = False
            if changed:
                rounds.object_changed()
            rounds.asked(hook)

    async def _mutate_by(self, hook: Hook, attributes: Attributes, version: str) -> bool:
        operations = (await self._ask(hook, attributes, version, mutating=True)).patch
        if not operations:
            return False
        if attributes.object is None:
            raise status.internal(
                f'admission webhook "{hook.name}" attempted to modify the object, '
                "which is not supported for this operation"
            )
        try:
            changed = patch.apply_json_patch(copy.deepcopy(attributes.object), operations)
        except patch.PatchError as error:
            raise status.internal(error.message) from None
        defaults.apply(changed)
        if changed == attributes.object:
            return False
        attributes.object = changed
        return True

    async def validate(self, attributes: Attributes) -> None:
        """Ask all validating webhooks at once; the first refusal in order counts."""
        asked = []
        for hook in self._hooks(VALIDATING):
            version = self._version(hook, attributes)
            if version is not None:
                asked.append(self._validate_by(hook, attributes, version))
        if len(asked) == 1:
            await asked[0]
            return
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _validate_by(self, hook: Hook, attributes: Attributes, version: str) -> None:
        try:
            await self._ask(hook, attributes, version, mutating=False)
        except CallingWebhookError as error:
            if not hook.ignores_failures:
                raise _failed(hook, error) from None

    async def _ask(
        self, hook: Hook, attributes: Attributes, version: str, *, mutating: bool
    ) -> review.Response:
        effects = hook.spec.get("sideEffects")
        if attributes.dry_run and effects not in ("None", "NoneOnDryRun"):
            raise status.bad_request(f'admission webhook "{hook.name}" does not support dry run')
        question = review.build(attributes, version)
        seconds = int(hook.spec.get("timeoutSeconds") or 10)
        config = hook.spec.get("clientConfig") or {}
        try:
            target = services.target(config, self._cluster, seconds=seconds)
            body = await self._caller.post(target, orjson.dumps(question), seconds=seconds)
        except (CallError, services.UnreachableError) as error:
            raise CallingWebhookError(f"failed to call webhook: {error}") from None
        try:
            answer = review.read(body, question["request"]["uid"], mutating=mutating)
        except review.InvalidResponseError as error:
            raise CallingWebhookError(f"received invalid webhook response: {error}") from None
        attributes.warnings += answer.warnings
        if not answer.allowed:
            raise refusal(hook.name, answer.status)
        return answer


def refusal(name: str, given: Object | None) -> status.StatusError:
    """Return the refusal that a webhook's `allowed: false` means."""
    result = dict(given or {})
    if int(result.get("code") or 0) < 400:
        result["code"] = 400
    if result.get("status") in (None, "", "Success"):
        result["status"] = "Failure"
    said = f'admission webhook "{name}" denied the request'
    words = result.get("message") or result.get("reason")
    result["message"] = f"{said}: {words}" if words else f"{said} without explanation"
    return status.StatusError({"kind": "Status", "apiVersion": "v1", "metadata": {}, **result})


def _failed(hook: Hook, error: Exception) -> status.StatusError:
    return status.internal(f'failed calling webhook "{hook.name}": {error}')
