"""Checked modules to a plan: variables decided, references resolved, nested calls laid out in order.

`policy.plan(...)` is the way in; `text.render(plan)` shows the result.
"""
