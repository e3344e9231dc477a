"""What may be a name, a label or an annotation's key, and what an API server says if it is not.

In comes a text, out goes a list of complaints, empty when all is well, in kube-apiserver's words. Knows
nothing of objects.

Source: `apimachinery/pkg/util/validation/validation.go`.
"""

from __future__ import annotations

import re
import secrets

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_IS_LABEL = re.compile(_LABEL, re.ASCII).fullmatch
_IS_SUBDOMAIN = re.compile(_SUBDOMAIN, re.ASCII).fullmatch
_IS_LABEL_1035 = re.compile(_LABEL_1035, re.ASCII).fullmatch
_IS_QUALIFIED = re.compile(_QUALIFIED, re.ASCII).fullmatch
_IS_VALUE = re.compile(_VALUE, re.ASCII).fullmatch
_IS_CONFIG_KEY = re.compile(_CONFIG_KEY, re.ASCII).fullmatch

LABEL_MAX = 63
SUBDOMAIN_MAX = 253
SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What the ends of generated names are made of: no vowels, no digits that look like letters."""


def _shape(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def is_dns1123_label(text: str) -> list[str]:
    """Check a namespace's, a container's, a port's name."""
    errors = [_too_long(LABEL_MAX)] if len(text.encode()) > LABEL_MAX else []
    if not _IS_LABEL(text):
        if _IS_SUBDOMAIN(text):
            errors.append("must not contain dots")
        else:
            message = (
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
                "and must start and end with an alphanumeric character"
            )
            errors.append(_shape(message, _LABEL, "my-name", "123-abc"))
    return errors


def is_dns1123_subdomain(text: str) -> list[str]:
    """Check most objects' names."""
    errors = [_too_long(SUBDOMAIN_MAX)] if len(text.encode()) > SUBDOMAIN_MAX else []
    if not _IS_SUBDOMAIN(text):
        message = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character"
        )
        errors.append(_shape(message, _SUBDOMAIN, "example.com"))
    return errors


def is_dns1035_label(text: str) -> list[str]:
    """Check a Service's name."""
    errors = [_too_long(LABEL_MAX)] if len(text.encode()) > LABEL_MAX else []
    if not _IS_LABEL_1035(text):
        message = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
            "alphabetic character, and end with an alphanumeric character"
        )
        errors.append(_shape(message, _LABEL_1035, "my-name", "abc-123"))
    return errors


def is_qualified_name(text: str) -> list[str]:
    """Check a label's or an annotation's key: an optional DNS prefix and a slash, then a name."""
    parts = text.split("/")
    errors: list[str] = []
    if len(parts) == 1:
        name = parts[0]
    elif len(parts) == 2:
        prefix, name = parts
        if not prefix:
            errors.append("prefix part must be non-empty")
        else:
            errors += [f"prefix part {message}" for message in is_dns1123_subdomain(prefix)]
    else:
        message = _shape(_QUALIFIED_MESSAGE, _QUALIFIED, "MyName", "my.name", "123-abc")
        prefixed = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a qualified name {message} {prefixed}"]
    if not name:
        errors.append("name part must be non-empty")
    elif len(name.encode()) > LABEL_MAX:
        errors.append(f"name part {_too_long(LABEL_MAX)}")
    if not _IS_QUALIFIED(name):
        errors.append("name part " + _shape(_QUALIFIED_MESSAGE, _QUALIFIED, "MyName", "my.name", "123-abc"))
    return errors


_QUALIFIED_MESSAGE = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)


def is_label_value(text: str) -> list[str]:
    """Check a label's value."""
    errors = [_too_long(LABEL_MAX)] if len(text.encode()) > LABEL_MAX else []
    if not _IS_VALUE(text):
        message = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
        errors.append(_shape(message, _VALUE, "MyValue", "my_value", "12345"))
    return errors


def is_config_key(text: str) -> list[str]:
    """Check a key of a ConfigMap or a Secret."""
    errors = [_too_long(SUBDOMAIN_MAX)] if len(text.encode()) > SUBDOMAIN_MAX else []
    if not _IS_CONFIG_KEY(text):
        message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(_shape(message, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    elif text == ".":
        errors.append("must not be '.'")
    elif text == "..":
        errors.append("must not be '..'")
    elif text.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def is_path_segment(text: str) -> list[str]:
    """Check the name of an RBAC role, which may be anything that fits in an address."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def random_suffix(length: int = 5) -> str:
    """Return a random end for a generated name."""
    return "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(length))


def generate(prefix: str) -> str:
    """Return a name that begins with the prefix, as `generateName` asks for."""
    return prefix[: LABEL_MAX - 5] + random_suffix()
