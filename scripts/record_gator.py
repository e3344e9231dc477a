"""Writes down what the real gator says to every run of tests/conformance/gator.py.

Run it as `scripts/peers gator && .venv/bin/python scripts/record_gator.py` after a case was added. The recordings
stand in tests/conformance/gator.json; tests compare with them where gator is not at hand.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.conformance import gator


def main() -> int:
    """Record, and return an exit code."""
    peer = gator.peer()
    if peer is None:
        print("record_gator: gator is missing; cure: scripts/peers gator", file=sys.stderr)
        return 2
    found = {}
    for run in gator.runs():
        with tempfile.TemporaryDirectory() as folder:
            found[run.name] = gator.play([peer], run, Path(folder)).recorded(run)
    gator.RECORDED.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print(f"{len(found)} runs recorded in {gator.RECORDED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
