"""What the events of a watched evaluation are good for: explanations, coverage, profiles.

Each module takes `runtime.tracing.Event`s and gives plain data or text in OPA's own formats.
"""
