"""`python -m tests.bed [--server real|embedded] [--engine gatekeeper|pratique|none]`: a bed until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from tests.bed.bed import SERVERS, missing, opened
from tests.bed.engine import ENGINES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bed", description=__doc__)
    parser.add_argument("--server", choices=sorted(SERVERS), default="real")
    parser.add_argument("--engine", choices=[*sorted(ENGINES), "none"], default="gatekeeper")
    options = parser.parse_args()
    if lacking := missing(options.server, options.engine):
        print(
            f"bed: not built: {', '.join(lacking)}; cure: scripts/peers {' '.join(lacking)}", file=sys.stderr
        )
        return 2
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with opened(server=options.server, engine=options.engine) as bed:
        print(f"export KUBECONFIG={bed.kubeconfig}", flush=True)
        while not ended.wait(1):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
