"""Who asks: the identity that admission sees and authorization judges.

Nothing comes in; `UserInfo` and the identities of our own parts go out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A user's name and groups, as in an AdmissionReview."""

    username: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, Any] = field(default_factory=dict, hash=False)

    def wire(self) -> dict[str, Any]:
        """Return the user as it stands in reviews."""
        wire: dict[str, Any] = {"username": self.username}
        if self.uid:
            wire["uid"] = self.uid
        if self.groups:
            wire["groups"] = list(self.groups)
        if self.extra:
            wire["extra"] = self.extra
        return wire


ADMIN = UserInfo("admin", ("system:masters", "system:authenticated"))
ANONYMOUS = UserInfo("system:anonymous", ("system:unauthenticated",))
API_SERVER = UserInfo("system:apiserver", ("system:masters", "system:authenticated"))


def service_account(namespace: str, name: str, uid: str = "") -> UserInfo:
    """Return the identity of a ServiceAccount."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return UserInfo(f"system:serviceaccount:{namespace}:{name}", groups, uid)
