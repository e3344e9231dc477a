"""Rules of webhook configurations.

Sources: `pkg/apis/admissionregistration/validation` of Kubernetes, `pkg/util/webhook` of k8s.io/apiserver.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pratique.devcluster.validation import fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import names, status

_GROUP = "admissionregistration.k8s.io"
_VERSIONS = ("v1", "v1beta1")
_OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]
_FORM = "; desired format: https://host[/path]"


def _configuration(obj: Object) -> Errors:
    mutating = obj.get("kind") == "MutatingWebhookConfiguration"
    errors: Errors = []
    seen: set[str] = set()
    for at, hook in fields.dicts(obj.get("webhooks")):
        path = f"webhooks[{at}]"
        errors += _hook(path, hook, mutating=mutating)
        errors += _review_versions(
            f"{path}.admissionReviewVersions", hook.get("admissionReviewVersions") or []
        )
        name = hook.get("name", "")
        if name and name in seen:
            errors.append(status.duplicate(f"{path}.name", name))
        seen.add(name)
    return errors


def _hook(path: str, hook: Object, *, mutating: bool) -> Errors:
    errors = qualified_name(f"{path}.name", str(hook.get("name") or ""))
    for at, rule in fields.dicts(hook.get("rules")):
        errors += rule_errors(f"{path}.rules[{at}]", rule)
    for name, allowed in (("failurePolicy", ["Fail", "Ignore"]), ("matchPolicy", ["Equivalent", "Exact"])):
        if hook.get(name) is not None:
            errors += fields.one_of(f"{path}.{name}", hook[name], allowed)
    effects = ["None", "NoneOnDryRun"]
    if hook.get("sideEffects") is None:
        errors.append(status.required(f"{path}.sideEffects", f"must specify one of {', '.join(effects)}"))
    else:
        errors += fields.one_of(f"{path}.sideEffects", hook["sideEffects"], effects)
    seconds = hook.get("timeoutSeconds")
    if isinstance(seconds, int) and not 1 <= seconds <= 30:
        words = "the timeout value must be between 1 and 30 seconds"
        errors.append(status.invalid(f"{path}.timeoutSeconds", seconds, words))
    for name in ("namespaceSelector", "objectSelector"):
        errors += fields.label_selector(f"{path}.{name}", hook.get(name))
    if mutating and hook.get("reinvocationPolicy") is not None:
        allowed = ["IfNeeded", "Never"]
        errors += fields.one_of(f"{path}.reinvocationPolicy", hook["reinvocationPolicy"], allowed)
    return errors + client_config(f"{path}.clientConfig", hook.get("clientConfig") or {})


def qualified_name(path: str, name: str) -> Errors:
    """Demand a domain with at least three parts."""
    if not name:
        return [status.required(path)]
    errors = fields.each(path, name, names.is_dns1123_subdomain)
    if not errors and len(name.split(".")) < 3:
        words = "should be a domain with at least three segments separated by dots"
        errors.append(status.invalid(path, name, words))
    return errors


def rule_errors(path: str, rule: Object) -> Errors:
    """Check which requests a webhook or a policy is about."""
    operations = rule.get("operations") or []
    errors: Errors = []
    if not operations:
        errors.append(status.required(f"{path}.operations"))
    if len(operations) > 1 and "*" in operations:
        words = "if '*' is present, must not specify other operations"
        errors.append(status.invalid(f"{path}.operations", operations, words))
    for at, operation in enumerate(operations):
        errors += fields.one_of(f"{path}.operations[{at}]", operation, _OPERATIONS)
    errors += _with_wildcard(f"{path}.apiGroups", rule.get("apiGroups") or [], "API groups")
    errors += _with_wildcard(f"{path}.apiVersions", rule.get("apiVersions") or [], "API versions")
    for at, version in enumerate(rule.get("apiVersions") or ()):
        if not version:
            errors.append(status.required(f"{path}.apiVersions[{at}]"))
    errors += _resources(f"{path}.resources", rule.get("resources") or [])
    if rule.get("scope") is not None:
        errors += fields.one_of(f"{path}.scope", rule["scope"], ["*", "Cluster", "Namespaced"])
    return errors


def _with_wildcard(path: str, values: list[Any], what: str) -> Errors:
    if not values:
        return [status.required(path)]
    if len(values) > 1 and "*" in values:
        return [status.invalid(path, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resources(path: str, resources: list[str]) -> Errors:
    if not resources:
        return [status.required(path)]
    errors: Errors = []
    with_all_subresources: set[str] = set()
    of_all_resources: set[str] = set()
    plain = False
    for at, text in enumerate(resources):
        if not text:
            errors.append(status.required(f"{path}[{at}]"))
            continue
        resource, slash, subresource = text.partition("/")
        if not slash:
            plain = text != "*"
            continue
        if resource in with_all_subresources:
            words = f"if '{resource}/*' is present, must not specify {text}"
            errors.append(status.invalid(f"{path}[{at}]", text, words))
        if subresource in of_all_resources:
            words = f"if '*/{subresource}' is present, must not specify {text}"
            errors.append(status.invalid(f"{path}[{at}]", text, words))
        if subresource == "*":
            with_all_subresources.add(resource)
        if resource == "*":
            of_all_resources.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(
            status.invalid(path, resources, "if '*/*' is present, must not specify other resources")
        )
    if "*" in resources and plain:
        words = "if '*' is present, must not specify other resources without subresources"
        errors.append(status.invalid(path, resources, words))
    return errors


def client_config(path: str, config: Object) -> Errors:
    """Check where a webhook is to be called."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [status.required(path, "exactly one of url or service is required")]
    return _url(f"{path}.url", url) if url is not None else _service(f"{path}.service", service or {})


def _url(path: str, text: str) -> Errors:
    try:
        url = urlsplit(text)
    except ValueError as error:
        return [status.required(path, f"url must be a valid URL: {error}{_FORM}")]
    errors: Errors = []
    if url.scheme != "https":
        errors.append(status.invalid(path, url.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not url.netloc:
        errors.append(status.invalid(path, "", f"host must be specified{_FORM}"))
    user, at, _ = url.netloc.rpartition("@")
    if at:
        errors.append(status.invalid(path, user, "user information is not permitted in the URL"))
    if url.fragment:
        errors.append(status.invalid(path, url.fragment, "fragments are not permitted in the URL"))
    if url.query:
        errors.append(status.invalid(path, url.query, "query parameters are not permitted in the URL"))
    return errors


def _service(path: str, service: Object) -> Errors:
    errors = [status.required(f"{path}.{name}") for name in ("name", "namespace") if not service.get(name)]
    number = service.get("port", 443)
    if fields.port(f"{path}.port", number):
        words = f"port is not valid: {fields.between(1, 65535)}"
        errors.append(status.invalid(f"{path}.port", number, words))
    text = service.get("path")
    if not text or text == "/":
        return errors
    if text == "//":
        return [*errors, status.invalid(f"{path}.path", text, "segment[0] may not be empty")]
    if not text.startswith("/"):
        errors.append(status.invalid(f"{path}.path", text, "must start with a '/'"))
    for at, step in enumerate(text[1:].removesuffix("/").split("/")):
        problems = names.is_dns1123_subdomain(step) if step else []
        if not step:
            errors.append(status.invalid(f"{path}.path", text, f"segment[{at}] may not be empty"))
        errors += [status.invalid(f"{path}.path", text, f"segment[{at}]: {message}") for message in problems]
    return errors


def _review_versions(path: str, versions: list[str]) -> Errors:
    listed = ", ".join(_VERSIONS)
    if not versions:
        return [status.required(path, f"must specify one of {listed}")]
    errors: Errors = []
    for at, version in enumerate(versions):
        if version in versions[:at]:
            errors.append(status.invalid(f"{path}[{at}]", version, "duplicate version"))
        else:
            errors += fields.each(f"{path}[{at}]", version, names.is_dns1035_label)
    if not set(versions) & set(_VERSIONS):
        errors.append(status.invalid(path, versions, f"must include at least one of {listed}"))
    return errors


RULES = {
    (_GROUP, "ValidatingWebhookConfiguration"): _configuration,
    (_GROUP, "MutatingWebhookConfiguration"): _configuration,
}
