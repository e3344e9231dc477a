"""Effects and enforcement modes, and what they come to inside a cluster.

In: the effect's and the mode's names, in any case. Out: their proper spelling, and Gatekeeper's
enforcement action (azure-policy.md 1.7, 4.4). It knows nothing of definitions.
"""

from __future__ import annotations

from pratique.policy.errors import DefinitionError, PolicyError

AUDIT = "Audit"
DENY = "Deny"
DISABLED = "Disabled"
MUTATE = "Mutate"

EFFECTS = (
    AUDIT,
    DENY,
    DISABLED,
    MUTATE,
    "Append",
    "AuditIfNotExists",
    "DeployIfNotExists",
    "DenyAction",
    "Manual",
    "Modify",
    "AddToNetworkGroup",
)
KUBERNETES_EFFECTS = (AUDIT, DENY, DISABLED, MUTATE)
ENFORCEMENT_MODES = ("Default", "DoNotEnforce", "Enroll")

_EFFECTS = {name.casefold(): name for name in EFFECTS}
_MODES = {name.casefold(): name for name in ENFORCEMENT_MODES}


def effect(name: object, *, target: str = "policyRule.then.effect") -> str:
    """Return the effect's proper spelling."""
    found = _EFFECTS.get(name.casefold()) if isinstance(name, str) else None
    if found is None:
        raise DefinitionError(
            f"`{name}` is not an effect",
            target=target,
            code="InvalidPolicyRule",
            hint=f"write one of {', '.join(KUBERNETES_EFFECTS)}",
        )
    return found


def enforcement_mode(name: object) -> str:
    """Return the enforcement mode's proper spelling; nothing means `Default`."""
    if name in (None, ""):
        return "Default"
    found = _MODES.get(name.casefold()) if isinstance(name, str) else None
    if found is None:
        raise PolicyError(
            f"`{name}` is not an enforcement mode",
            target="properties.enforcementMode",
            code="InvalidCreatePolicyAssignmentRequest",
            hint=f"write one of {', '.join(ENFORCEMENT_MODES)}",
        )
    return found


def enforcement_action(
    effect_name: str, *, mode: str = "Default", warn: bool = False, enrolled: bool = False
) -> str:
    """Return Gatekeeper's enforcement action for an effect that binds a constraint."""
    enforced = mode == "Default" or (mode == "Enroll" and enrolled)
    if not enforced:
        return "dryrun"
    if effect_name == DENY:
        return "deny"
    return "warn" if warn else "dryrun"
