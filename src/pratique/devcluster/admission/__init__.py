"""What happens to a request between reading its object and storing it.

In come `Attributes`; `Chain.mutate` changes their object (built-in plugins, then mutating webhooks, then
once more those that ask for it), `Chain.validate` refuses (validating webhooks, then quotas). A refusal is a
`kube.status.StatusError`. Defaults, schemas and field rules are not admission: the caller applies them
between the two. Nothing here stores anything.
"""

from __future__ import annotations

from pratique.devcluster.admission.attributes import Attributes, Cluster
from pratique.devcluster.admission.chain import Chain

__all__ = ["Attributes", "Chain", "Cluster"]
