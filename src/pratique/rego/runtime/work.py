"""Work that is no loop of a policy: what builtins, comparisons and texts of values cost an evaluation.

Comes in: how much was done, or is about to be, in steps. Goes out: nothing, or the `LimitError` of the evaluation
that runs. Functions below generated code know no state; what costs more than a loop's turn asks `charge`, which
finds the state in the frames that called it. What goes through values one by one counts on `METER`, and asks once
it has run down: that costs a subtraction a collection.
"""

from __future__ import annotations

import sys
from typing import Any, Final

# How the file names of generated code begin.
GENERATED: Final = "<rego "
# Less than this is no more than a turn of a loop may cost.
QUANTUM: Final = 256
# A builtin that costs more counts it.
SMALL: Final = 16
# Texts that are shorter are handled in line, and count as nothing.
LONG: Final = 4096
# Characters of text that cost what a member of a collection does.
CHARACTERS: Final = 16
ROUND: Final = 1024


class Meter:
    """What is left until the evaluation is charged with a round of work.

    It is shared by threads: a round may hold work of several, and is charged to the one that ends it.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = ROUND


METER: Final = Meter()


def tick() -> None:
    """Charge what METER has counted, and start another round."""
    done = ROUND - METER.left
    METER.left = ROUND
    charge(done)


def work(steps: int) -> None:
    """Count on METER: what is written out where it must be quick."""
    METER.left -= steps
    if METER.left < 0:
        tick()


def charge(steps: int) -> None:
    """Count steps for the evaluation that runs here; outside one, nothing. Raises LimitError."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(GENERATED):
            # The state is the first parameter of each generated function.
            frame.f_locals["s"].spend(steps)
            return
        frame = frame.f_back


def charge_text(length: int) -> None:
    """Count the making of a text of so many characters."""
    if length > QUANTUM:
        charge(length // CHARACTERS)


def charge_members(count: int) -> None:
    """Count the making of, or a way through, a collection of so many members."""
    if count > QUANTUM:
        charge(count)
