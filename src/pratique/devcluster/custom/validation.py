"""May this CustomResourceDefinition be: names, scope, versions, schemas, columns, subresources.

In come a definition (and the one that it replaces), out go complaints in kube-apiserver's words and order.
Metadata in general is validated elsewhere. Rules in CEL are not looked at here.

Source: `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pratique.kube import names, status, structural
from pratique.kube.status import FieldError

Object = dict[str, Any]
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
APPROVAL = "api-approved.kubernetes.io"
_VERSION_FIELDS = (
    *("Name", "Served", "Storage", "Deprecated", "DeprecationWarning", "Schema", "Subresources"),
    *("AdditionalPrinterColumns", "SelectableFields"),
)


def validate(definition: Object, old: Object | None) -> list[FieldError]:
    """Return what is wrong with a definition."""
    spec = definition.get("spec") or {}
    found: list[FieldError] = []
    if old is None:
        name = definition["metadata"].get("name", "")
        wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
        if name != wanted:
            text = 'must be spec.names.plural+"."+spec.group'
            found.append(status.invalid("metadata.name", name, text))
    found += _spec(spec)
    if old is not None:
        found += _immutable(spec, old)
    found += _stored_versions(definition, spec)
    found += _approval(definition, old)
    return found


def _spec(spec: Object) -> Iterator[FieldError]:
    group, scope = spec.get("group") or "", spec.get("scope") or ""
    if not group:
        yield status.required("spec.group")
    elif problems := names.is_dns1123_subdomain(group):
        yield status.invalid("spec.group", group, ",".join(problems))
    elif "." not in group:
        yield status.invalid("spec.group", group, "should be a domain with at least one dot")
    scopes = ["Cluster", "Namespaced"]
    if not scope:
        yield status.required("spec.scope", f"supported values: {', '.join(scopes)}")
    elif scope not in scopes:
        yield status.unsupported("spec.scope", scope, scopes)
    versions = spec.get("versions") or []
    for index, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            yield status.required(f"spec.versions[{index}].schema.openAPIV3Schema")
    yield from _versions(versions)
    wanted = spec.get("names") or {}
    for name in ("plural", "singular", "kind", "listKind"):
        if not wanted.get(name):
            yield status.required(f"spec.names.{name}")
    yield from structural.name_errors(wanted)
    yield from _hoisted(versions)
    yield from _conversion(spec)


def _same(versions: list[Object], name: str) -> bool:
    """Tell whether all versions agree; what they agree on is complained about once, without a version."""
    return all(version.get(name) == versions[0].get(name) for version in versions)


def _versions(versions: list[Object]) -> Iterator[FieldError]:
    storage = sum(bool(version.get("storage")) for version in versions)
    for index, version in enumerate(versions):
        yield from structural.label_errors(f"spec.versions[{index}].name", version.get("name") or "")
        warning = version.get("deprecationWarning")
        if warning is not None and not version.get("deprecated"):
            text = "can only be set for deprecated versions"
            yield status.invalid(f"spec.versions[{index}].deprecationWarning", warning, text)
        where = f"spec.versions[{index}]"
        if not _same(versions, "schema"):
            yield from _schema(version, f"{where}.schema")
        if not _same(versions, "subresources"):
            yield from _subresources(version, f"{where}.subresources")
        if not _same(versions, "additionalPrinterColumns"):
            yield from _columns(version, f"{where}.additionalPrinterColumns")
    shown = [_internal(version) for version in versions]
    if len({version.get("name") for version in versions}) < len(versions):
        yield status.invalid("spec.versions", shown, "must contain unique version names")
    if storage != 1:
        text = "must have exactly one version marked as storage version"
        yield status.invalid("spec.versions", shown, text)


def _hoisted(versions: list[Object]) -> Iterator[FieldError]:
    if not versions:
        return
    if _same(versions, "schema"):
        yield from _schema(versions[0], "spec.validation")
    if _same(versions, "subresources"):
        yield from _subresources(versions[0], "spec.subresources")
    if _same(versions, "additionalPrinterColumns"):
        yield from _columns(versions[0], "spec.additionalPrinterColumns")


def _internal(version: Object) -> Object:
    """Return a version as the API server's own type prints it; what all versions share is not in it."""
    made: Object = dict.fromkeys(_VERSION_FIELDS)
    made |= {"Name": version.get("name", ""), "DeprecationWarning": version.get("deprecationWarning")}
    for name in ("served", "storage", "deprecated"):
        made[name.capitalize()] = bool(version.get(name))
    return made


def _schema(version: Object, path: str) -> Iterator[FieldError]:
    node = (version.get("schema") or {}).get("openAPIV3Schema")
    if node is None:
        return
    if node.get("nullable"):
        yield status.forbidden(f"{path}.openAPIV3Schema.nullable", "nullable cannot be true at the root")
    yield from structural.errors(node, f"{path}.openAPIV3Schema")


def _columns(version: Object, path: str) -> Iterator[FieldError]:
    kinds = f"must be one of {','.join(COLUMN_TYPES)}"
    for index, column in enumerate(version.get("additionalPrinterColumns") or []):
        where, kind = f"{path}[{index}]", column.get("type") or ""
        if not column.get("name"):
            yield status.required(f"{where}.name")
        if not kind:
            yield status.required(f"{where}.type", kinds)
        elif kind not in COLUMN_TYPES:
            yield status.invalid(f"{where}.type", kind, kinds)
        if column.get("format") and column["format"] not in COLUMN_FORMATS:
            text = f"must be one of {','.join(COLUMN_FORMATS)}"
            yield status.invalid(f"{where}.format", column["format"], text)
        if not column.get("jsonPath"):
            yield status.required(f"{where}.JSONPath")
        else:
            yield from _simple_path(column["jsonPath"], f"{where}.JSONPath")


def _simple_path(path: str, field: str) -> Iterator[FieldError]:
    if not path.startswith("."):
        yield status.invalid(field, path, "must be a simple json path starting with .")


def _subresources(version: Object, path: str) -> Iterator[FieldError]:
    scale = (version.get("subresources") or {}).get("scale")
    if scale is None:
        return
    for name, roots, words in (
        ("specReplicasPath", (".spec.",), "under .spec"),
        ("statusReplicasPath", (".status.",), "under .status"),
        ("labelSelectorPath", (".spec.", ".status."), "under either .spec or .status"),
    ):
        value, field = scale.get(name) or "", f"{path}.scale.{name}"
        if not value:
            if name != "labelSelectorPath":
                yield status.required(field)
        elif not value.startswith("."):
            yield from _simple_path(value, field)
        elif not value.startswith(roots):
            yield status.invalid(field, value, f"should be a json path {words}")


def _conversion(spec: Object) -> Iterator[FieldError]:
    conversion = spec.get("conversion") or {}
    strategy, webhook = conversion.get("strategy"), conversion.get("webhook")
    if strategy and strategy not in ("None", "Webhook"):
        yield status.unsupported("spec.conversion.strategy", strategy, ["None", "Webhook"])
    if strategy == "None" and webhook:
        text = "should not be set when strategy is not set to Webhook"
        yield status.forbidden("spec.conversion.webhookClientConfig", text)
    if strategy == "Webhook":
        if not (webhook or {}).get("clientConfig"):
            text = "required when strategy is set to Webhook"
            yield status.required("spec.conversion.webhookClientConfig", text)
        if not (webhook or {}).get("conversionReviewVersions"):
            yield status.required("spec.conversion.conversionReviewVersions")


def _immutable(spec: Object, old: Object) -> Iterator[FieldError]:
    before = old.get("spec") or {}
    text = "field is immutable"
    if spec.get("group") != before.get("group"):
        yield status.invalid("spec.group", spec.get("group"), text)
    have, want = before.get("names") or {}, spec.get("names") or {}
    if have.get("plural") != want.get("plural"):
        yield status.invalid("spec.names.plural", want.get("plural"), text)
    conditions = (old.get("status") or {}).get("conditions") or []
    if any(item["type"] == "Established" and item["status"] == "True" for item in conditions):
        if spec.get("scope") != before.get("scope"):
            yield status.invalid("spec.scope", spec.get("scope"), text)
        if have.get("kind") != want.get("kind"):
            yield status.invalid("spec.names.kind", want.get("kind"), text)


def _stored_versions(definition: Object, spec: Object) -> Iterator[FieldError]:
    field = "status.storedVersions"
    stored = (definition.get("status") or {}).get("storedVersions") or []
    if not stored:
        yield status.invalid(field, stored, "must have at least one stored version")
        return
    versions = spec.get("versions") or []
    for version in versions:
        if version.get("storage") and version.get("name") not in stored:
            yield status.invalid(field, stored, f"must have the storage version {version.get('name')}")
    known = [version.get("name") for version in versions]
    for index, name in enumerate(stored):
        if name not in known:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{name} and removes {name} from status.storedVersions"
            )
            yield status.invalid(f"{field}[{index}]", name, text)


def _approval(definition: Object, old: Object | None) -> Iterator[FieldError]:
    group = (definition.get("spec") or {}).get("group") or ""
    if not group.endswith((".k8s.io", ".kubernetes.io")) and group not in ("k8s.io", "kubernetes.io"):
        return
    given = (definition["metadata"].get("annotations") or {}).get(APPROVAL)
    if old is not None and given == (old["metadata"].get("annotations") or {}).get(APPROVAL):
        return
    field = f"metadata.annotations[{APPROVAL}]"
    if given is None:
        see = "see https://github.com/kubernetes/enhancements/pull/1111"
        text = f'protected groups must have approval annotation "{APPROVAL}", {see}'
        yield status.required(field, text)
    elif not given.startswith(("https://", "http://", "unapproved")):
        text = (
            f'protected groups must have approval annotation "{APPROVAL}" with either a URL or a reason starting '
            'with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111'
        )
        yield status.invalid(field, given, text)
