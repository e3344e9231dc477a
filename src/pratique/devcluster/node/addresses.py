"""Pod addresses: each pod of processes has a loopback address of its own, others one that is only shown."""

from __future__ import annotations

import itertools
import random

# 127.0.0.1 stays for servers; the middle bytes tell clusters of one machine apart.
_FIRST, _LAST = 2, 254


class Addresses:
    """Hands out addresses."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}
        middle = (random.randint(1, 253), random.randint(1, 253))  # noqa: S311 -- an address, not a secret
        self._prefix = f"127.{middle[0]}.{middle[1]}"
        self._shown = itertools.count()

    def take(self, uid: str, wish: str = "") -> str:
        """Return the address of a pod's processes: the one that it had, if that is free."""
        known = self._taken.get(uid)
        if known:
            return known
        used = set(self._taken.values())
        free = (f"{self._prefix}.{last}" for last in range(_FIRST, _LAST))
        address = (
            wish if wish.startswith("127.") and wish not in used else next(a for a in free if a not in used)
        )
        self._taken[uid] = address
        return address

    def free(self, uid: str) -> None:
        """Give a pod's address back."""
        self._taken.pop(uid, None)

    def shown(self) -> str:
        """Return an address for a pod that runs nothing."""
        number = next(self._shown)
        return f"10.244.{number // 253 % 256}.{2 + number % 253}"
