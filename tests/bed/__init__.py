"""A bed: one API server with one policy engine on it, all of it on loopback, in a folder that goes away.

Two API servers, the real one (`server.Real`: etcd and kube-apiserver) and the embedded one (`server.Embedded`); two
engines, Gatekeeper's manager and our agent (`engine`). `bed.opened` puts any two together, so that the same objects
can be applied to all four pairs: what only the engine makes different is the engine's, what only the server makes
different is the server's. `python -m tests.bed` opens one for a person to work on.

The real parts are built by `scripts/peers etcd kube-apiserver gatekeeper`; `missing` names those that are not there,
and a test says what it needs with `need`.
"""

from tests.bed.bed import Bed, missing, need, opened

__all__ = ["Bed", "missing", "need", "opened"]
