"""Fill in what kube-apiserver fills in when a built-in kind is read.

In comes an object as it was sent (plain JSON), and it is completed in place: documented default values,
quantities in their canonical form, and the empty fields that Go always writes (`resources: {}`,
`status: {}`, `rules: null`). Kinds that are not built in stay as they are. Nothing here knows of the store,
of other objects or of who asks; what needs them is in `strategy` or an admission plugin.

Sources: `pkg/apis/<group>/<version>/defaults.go` of Kubernetes and `omitempty` in the types of `k8s.io/api`.
"""

from __future__ import annotations

from collections.abc import Callable

from pratique.devcluster.defaults import kinds, pods, workloads
from pratique.devcluster.defaults.fields import Object

__all__ = ["apply"]

Setter = Callable[[Object], None]

_KINDS: dict[tuple[str, str], Setter] = {
    **kinds.SETTERS,
    **workloads.SETTERS,
    ("", "Pod"): pods.pod,
    ("", "PodTemplate"): pods.template,
}


def apply(obj: Object) -> None:
    """Complete `obj` in place by its apiVersion and kind."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    setter = _KINDS.get((group, str(obj.get("kind", ""))))
    if setter is not None:
        setter(obj)
