"""A policy definition: read from its ARM document, checked, and written back unchanged.

In: `{"id", "name", "properties": {...}}`. Out: `Definition`. What is wrong is raised here, with ARM's code
and the place (azure-policy.md 1.1, 1.2, 1.8); whoever holds a `Definition` need not look again. It knows
nothing of assignments or clusters, and does not compile templates.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.policy import effects, expressions, ids, parameters, rule
from pratique.policy.errors import DefinitionError, PolicyError

KUBERNETES_DATA: Final = "Microsoft.Kubernetes.Data"

MODES: Final = (
    "All",
    "Indexed",
    KUBERNETES_DATA,
    "Microsoft.KeyVault.Data",
    "Microsoft.Network.Data",
    "Microsoft.ManagedHSM.Data",
    "Microsoft.DataFactory.Data",
    "Microsoft.MachineLearningServices.v2.Data",
    "Microsoft.MachineLearningServices.Data",
    "Microsoft.CognitiveServices.Data",
    "Microsoft.LoadTestService.Data",
    "Microsoft.ContainerService.Data",
)
SOURCE_TYPES: Final = ("PublicURL", "Base64Encoded")
# What `details` may hold beside each other (azure-policy.md 1.8).
DETAILS: Final = frozenset(
    {
        "apiGroups",
        "constraint",
        "constraintInfo",
        "constraintTemplate",
        "excludedNamespaces",
        "kinds",
        "labelSelector",
        "mutationInfo",
        "namespaces",
        "namespaceSelector",
        "scope",
        "source",
        "templateInfo",
        "values",
        "warn",
    }
)

_MODES = {mode.casefold(): mode for mode in MODES}


@dataclass(frozen=True, slots=True)
class Definition:
    """One policy definition."""

    id: str
    name: str
    display_name: str
    description: str
    policy_type: str
    mode: str
    version: str
    metadata: Mapping[str, Any]
    parameters: Mapping[str, parameters.Parameter]
    rule: Mapping[str, Any]
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_arm(cls, document: Mapping[str, Any], *, identifier: str = "") -> Definition:
        """Read and check a definition's ARM document; `identifier` is the id that its address says.

        Raises `PolicyError` naming the place in the document.
        """
        properties = document.get("properties") if isinstance(document, Mapping) else None
        if not isinstance(properties, Mapping):
            raise DefinitionError("a policy definition needs `properties`", target="properties")
        found_id = identifier or str(document.get("id") or "")
        name = ids.last_segment(found_id) if found_id else str(document.get("name") or "")
        metadata = properties.get("metadata")
        definition = cls(
            id=found_id or ids.definition_id("", name),
            name=name,
            display_name=_text(properties, "displayName", limit=128) or name,
            description=_text(properties, "description", limit=0),
            policy_type=_text(properties, "policyType", limit=0) or "Custom",
            mode=_mode(properties.get("mode")),
            version=_version(properties),
            metadata=dict(metadata) if isinstance(metadata, Mapping) else {},
            parameters=parameters.read(properties.get("parameters")),
            rule=_rule(properties.get("policyRule")),
            document=document,
        )
        definition.check()
        return definition

    def to_arm(self) -> dict[str, Any]:
        """Return the ARM document, with the id and name that it has here."""
        properties = dict(self.document.get("properties") or {})
        properties.setdefault("policyType", self.policy_type)
        properties.setdefault("mode", self.mode)
        return {
            **self.document,
            "id": self.id,
            "name": self.name,
            "type": ids.DEFINITIONS,
            "properties": properties,
        }

    @property
    def category(self) -> str:
        """Return the category that lists filter by."""
        return str(self.metadata.get("category") or "")

    @property
    def details(self) -> Mapping[str, Any]:
        """Return `policyRule.then.details`, unresolved."""
        found = self.rule["then"].get("details")
        return found if isinstance(found, Mapping) else {}

    @property
    def runs_in_cluster(self) -> bool:
        """Tell whether this definition becomes something inside a cluster."""
        return self.mode == KUBERNETES_DATA

    def allowed_effects(self) -> tuple[str, ...]:
        """Return the effects that an assignment may choose, each once in its proper spelling."""
        found = self.rule["then"]["effect"]
        if not expressions.is_expression(found):
            return (effects.effect(found),)
        node = expressions.parse(found)
        if isinstance(node, expressions.Call) and node.name.casefold() == "parameters":
            argument = node.arguments[0]
            declared = (
                self.parameters.get(str(argument.value))
                if isinstance(argument, expressions.Literal)
                else None
            )
            if declared is not None and declared.allowed:
                return tuple(dict.fromkeys(effects.effect(value) for value in declared.allowed))
        return effects.KUBERNETES_EFFECTS if self.runs_in_cluster else effects.EFFECTS

    def default_effect(self) -> str:
        """Return the effect of an assignment that does not choose one, or an empty string."""
        defaults = {
            name: declared.default for name, declared in self.parameters.items() if not declared.required
        }
        try:
            return effects.effect(
                expressions.resolve(self.rule["then"]["effect"], expressions.Context(parameters=defaults))
            )
        except PolicyError:
            return ""

    def template_text(self) -> str | None:
        """Return the template that this definition carries in itself (Base64Encoded), if it does."""
        info = self.details.get("templateInfo")
        if not isinstance(info, Mapping) or str(info.get("sourceType", "")).casefold() != "base64encoded":
            return None
        return decode(info.get("content"), target="policyRule.then.details.templateInfo.content")

    def template_url(self) -> str:
        """Return where this definition's template is fetched from, or an empty string."""
        info = self.details.get("templateInfo")
        if isinstance(info, Mapping) and str(info.get("sourceType", "")).casefold() == "publicurl":
            return str(info.get("url") or "")
        legacy = self.details.get("constraintTemplate")
        return legacy if isinstance(legacy, str) else ""

    def check(self) -> None:
        """Raise `PolicyError` unless rule, expressions and details hold together."""
        rule.check(self.rule["if"], target="policyRule.if")
        _check_expressions(self.rule, self.parameters, "policyRule")
        then_effect = self.rule["then"].get("effect")
        if not expressions.is_expression(then_effect):
            effects.effect(then_effect)
        if self.runs_in_cluster:
            _check_details(self)


def decode(content: Any, *, target: str) -> str:
    """Return Base64 content as text."""
    if not isinstance(content, str) or not content.strip():
        raise DefinitionError("`content` must be Base64 text", target=target)
    try:
        return base64.b64decode("".join(content.split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise DefinitionError(
            "`content` is not UTF-8 text in Base64",
            target=target,
            hint="encode the file with `base64 -w0 FILE`",
        ) from error


def _text(properties: Mapping[str, Any], name: str, *, limit: int) -> str:
    value = properties.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DefinitionError(f"`{name}` must be text", target=f"properties.{name}")
    if limit and len(value) > limit:
        raise DefinitionError(
            f"`{name}` has {len(value)} characters, the most is {limit}", target=f"properties.{name}"
        )
    return value


def _mode(value: Any) -> str:
    if value in (None, ""):
        return "Indexed"
    found = _MODES.get(value.casefold()) if isinstance(value, str) else None
    if found is None:
        raise DefinitionError(
            f"`{value}` is not a mode",
            target="properties.mode",
            code="InvalidPolicyDefinitionMode",
            hint=f"write `{KUBERNETES_DATA}` for what runs in a cluster, `All` or `Indexed` for the rest",
        )
    return found


def _version(properties: Mapping[str, Any]) -> str:
    metadata = properties.get("metadata")
    inherited = metadata.get("version") if isinstance(metadata, Mapping) else None
    return str(properties.get("version") or inherited or "1.0.0")


def _rule(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise DefinitionError(
            "a policy definition needs `policyRule`", target="properties.policyRule", code="InvalidPolicyRule"
        )
    found = {str(name).casefold(): part for name, part in value.items()}
    condition, then = found.get("if"), found.get("then")
    if not isinstance(condition, Mapping) or not isinstance(then, Mapping):
        raise DefinitionError(
            "`policyRule` needs `if` and `then`", target="properties.policyRule", code="InvalidPolicyRule"
        )
    if "effect" not in then:
        raise DefinitionError(
            "`policyRule.then` needs `effect`", target="properties.policyRule.then", code="InvalidPolicyRule"
        )
    return {"if": condition, "then": then}


def _check_expressions(document: Any, declared: Mapping[str, parameters.Parameter], path: str) -> None:
    """Read every expression once, and refuse one that names a parameter that is not declared."""
    if isinstance(document, str):
        if expressions.is_expression(document):
            try:
                _check_names(expressions.parse(document), declared)
            except PolicyError as error:
                raise DefinitionError(
                    f"{error.message} in `{document[:80]}`",
                    target=path,
                    code="InvalidPolicyRule",
                    hint=error.hint,
                ) from error
    elif isinstance(document, Mapping):
        for name, value in document.items():
            # A nested deployment template has a language and parameters of its own.
            if name != "deployment":
                _check_expressions(value, declared, f"{path}.{name}")
    elif isinstance(document, list):
        for index, value in enumerate(document):
            _check_expressions(value, declared, f"{path}[{index}]")


def _check_names(node: expressions.Node, declared: Mapping[str, parameters.Parameter]) -> None:
    if isinstance(node, expressions.Access):
        _check_names(node.subject, declared)
        _check_names(node.index, declared)
    elif isinstance(node, expressions.Call):
        for argument in node.arguments:
            _check_names(argument, declared)
        if node.name.casefold() == "parameters" and len(node.arguments) == 1:
            name = node.arguments[0]
            if isinstance(name, expressions.Literal):
                expressions.Context(parameters=dict.fromkeys(declared)).parameter(name.value)


def _check_details(definition: Definition) -> None:
    details, where = definition.details, "policyRule.then.details"
    unknown = sorted(set(details) - DETAILS)
    if unknown:
        raise DefinitionError(
            f"`details` does not take `{unknown[0]}`",
            target=f"{where}.{unknown[0]}",
            code="InvalidPolicyRule",
            hint=f"mode `{KUBERNETES_DATA}` takes {', '.join(sorted(DETAILS))}",
        )
    sources = [name for name in ("templateInfo", "constraintTemplate", "mutationInfo") if name in details]
    if len(sources) != 1:
        raise DefinitionError(
            "`details` needs one of `templateInfo` and `mutationInfo`,"
            f" it has {' and '.join(sources) or 'none'}",
            target=where,
            code="InvalidPolicyRule",
        )
    source = sources[0]
    if source != "constraintTemplate":
        _check_source(details[source], f"{where}.{source}")
    if source == "templateInfo" and "constraintInfo" not in details and "constraint" not in details:
        for name in ("apiGroups", "kinds"):
            _check_matched(details.get(name), f"{where}.{name}", name)


def _check_source(info: Any, target: str) -> None:
    kind = str(info.get("sourceType", "")).casefold() if isinstance(info, Mapping) else ""
    if kind not in {name.casefold() for name in SOURCE_TYPES}:
        raise DefinitionError(
            "`sourceType` must be `PublicURL` or `Base64Encoded`",
            target=f"{target}.sourceType",
            code="InvalidPolicyRule",
        )
    if kind == "base64encoded":
        decode(info.get("content"), target=f"{target}.content")
        return
    url = info.get("url")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise DefinitionError(
            "`url` must begin with `https://`", target=f"{target}.url", code="InvalidPolicyRule"
        )


def _check_matched(value: Any, target: str, name: str) -> None:
    if expressions.is_expression(value):
        return
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise DefinitionError(
            f"`{name}` must be an array of names",
            target=target,
            code="InvalidPolicyRule",
            hint='as in ["Pod"]',
        )
    if "*" in value:
        raise DefinitionError(
            f"`{name}` does not take `*`",
            target=target,
            code="InvalidPolicyRule",
            hint="name what the policy is about",
        )
