"""Compliance: records, states and their precedence, roll-ups and percentages.

In: what agents report, as plain values. Out: states and numbers. Pure: it stores nothing.
"""

from pratique.compliance.record import Record
from pratique.compliance.rollup import (
    Result,
    Summary,
    by_member,
    by_resource,
    component_percentage,
    percentage,
    summarize,
)
from pratique.compliance.state import worst

__all__ = [
    "Record",
    "Result",
    "Summary",
    "by_member",
    "by_resource",
    "component_percentage",
    "percentage",
    "summarize",
    "worst",
]
