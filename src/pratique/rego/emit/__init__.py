"""IR to Python source: what a plan does, as functions over plain values.

`module.emit(plan, ...)` is the way in. Emitted text holds names of our own making and nothing else: whatever
an author wrote travels in the table of constants.
"""
