"""The words and signs of the pages: states, effects, times. A state is always icon and word and colour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Sign:
    """How a state is shown: its word, its icon in the sprite, its colour class."""

    word: str
    icon: str
    css: str


STATES = {
    "compliant": Sign("Compliant", "check", "good"),
    "noncompliant": Sign("Non-compliant", "cross", "bad"),
    "exempt": Sign("Exempt", "shield", "muted"),
    "error": Sign("Error", "alert", "warn"),
    "conflict": Sign("Conflicting", "alert", "warn"),
    "conflicting": Sign("Conflicting", "alert", "warn"),
    "unknown": Sign("Unknown", "dots", "muted"),
    "notstarted": Sign("Not started", "dots", "muted"),
    "notregistered": Sign("Not registered", "dots", "muted"),
    "protected": Sign("Protected", "shield", "good"),
    "fixed": Sign("Fixed", "check", "good"),
    "closed": Sign("Closed", "check", "muted"),
}

ADDON = {
    "enabled": Sign("Enabled", "check", "good"),
    "enabling": Sign("Enabling", "spinner", "busy"),
    "disabling": Sign("Disabling", "spinner", "busy"),
    "disabled": Sign("Off", "dots", "muted"),
    "failed": Sign("Failed", "alert", "bad"),
}

EFFECTS = {
    "deny": Sign("Deny", "stop", "deny"),
    "audit": Sign("Audit", "eye", "audit"),
    "disabled": Sign("Disabled", "dots", "muted"),
    "mutate": Sign("Mutate", "pencil", "audit"),
    "warn": Sign("Warn", "alert", "warn"),
    "dryrun": Sign("Audit", "eye", "audit"),
}


def state(name: str | None) -> Sign:
    """Return the sign of a compliance state."""
    key = (name or "notstarted").replace("-", "").replace(" ", "").lower()
    return STATES.get(key, Sign(name or "Unknown", "dots", "muted"))


def addon(name: str | None) -> Sign:
    """Return the sign of an add-on's state."""
    return ADDON.get((name or "disabled").lower(), Sign(name or "Unknown", "dots", "muted"))


def effect(name: str | None) -> Sign:
    """Return the sign of an effect."""
    return EFFECTS.get((name or "").lower(), Sign(name or "none", "dots", "muted"))


def moment(text: object) -> datetime | None:
    """Return the moment that an API timestamp names, or None when it names none."""
    if isinstance(text, int | float):
        return datetime.fromtimestamp(text, UTC)
    if not isinstance(text, str) or not text:
        return None
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def ago(text: object, *, now: datetime | None = None) -> str:
    """Return how long ago a timestamp was, in one unit: `3 min ago`."""
    at = moment(text)
    if at is None:
        return "never"
    seconds = int(((now or datetime.now(UTC)) - at).total_seconds())
    if seconds < 5:
        return "just now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def stamp(text: object) -> str:
    """Return a timestamp in full, in UTC: `2026-11-23 23:20:05 UTC`."""
    at = moment(text)
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""


def percent(value: object) -> str:
    """Return a percentage as people write it: `98.5%`, `100%`, or a dash when there is none."""
    if not isinstance(value, int | float):
        return "–"
    if value in (0, 100):
        return f"{value:.0f}%"
    # 99.97 must not read as 100: rounding never hides a violation, nor the last compliant one.
    return f"{min(max(value, 0.1), 99.9):.1f}".rstrip("0").rstrip(".") + "%"


def count(value: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun in the right form."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


VERBS = {"write": "saved", "delete": "deleted", "action": "used"}
NOUNS = {
    "policyassignments": ("assignment", "/assignments"),
    "policydefinitions": ("definition", "/definitions"),
    "policysetdefinitions": ("initiative", ""),
    "managedclusters": ("cluster", "/clusters"),
}
DEEDS = {
    "session/start": "signed in",
    "session/end": "signed out",
    "clusters/token/write": "made a token for the agents of",
    "Microsoft.ContainerService/managedClusters/addon/enable": "enabled the add-on on",
    "Microsoft.ContainerService/managedClusters/addon/disable": "disabled the add-on on",
    "credentials/reset": "made new credentials for",
}


def activity(operation: str, target: str) -> tuple[str, str, str]:
    """Return an entry of the log in words: what was done, to what, and the page of that thing."""
    kind, _, verb = operation.rpartition("/")
    noun, page = NOUNS.get(kind.rpartition("/")[2].lower(), ("", ""))
    name = target.rstrip("/").rpartition("/")[2]
    if page == "/clusters" or operation.startswith("clusters/") or "/managedclusters/" in operation.lower():
        page, target = "/clusters", name
    if verb == "delete":
        page = ""
    deed = DEEDS.get(operation) or (f"{VERBS[verb]} the {noun}" if noun and verb in VERBS else operation)
    return deed, "" if operation.startswith("session/") else name, page
