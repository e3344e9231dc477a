"""What holds for every test, and for every process that a test starts."""

from __future__ import annotations

import os

# No test reads or leaves compiled code in the home of whoever runs it.
os.environ["PRATIQUE_CACHE"] = ""
