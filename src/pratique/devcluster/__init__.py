"""The embedded cluster: a small Kubernetes API server with its controllers and one node.

`DevCluster(Settings(state_dir=...))`, `await start()`, `kubeconfig`, `await stop()`. Knows no policies.
"""

from __future__ import annotations

from pratique.devcluster.cluster import DevCluster, Settings

__all__ = ["DevCluster", "Settings"]
