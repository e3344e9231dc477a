"""`gator bench`: how fast policies judge objects, as figures that can be kept and compared.

In: `Sources` and how to measure. Out: `Result`, as a table, JSON or YAML of gator's shape, and its comparison
with an earlier one (gatekeeper.md 6.5).
"""

from pratique.offline.bench.compare import Comparison, compare, load_baseline, save
from pratique.offline.bench.durations import parse_duration
from pratique.offline.bench.measure import Options, Result, run
from pratique.offline.bench.shown import FORMATS, comparison, render

__all__ = [
    "FORMATS",
    "Comparison",
    "Options",
    "Result",
    "compare",
    "comparison",
    "load_baseline",
    "parse_duration",
    "render",
    "run",
    "save",
]
