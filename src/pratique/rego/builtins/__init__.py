"""The builtins: one file a namespace.

Importing a file registers what it has; `registry` is where they are found, and imports the files when it is asked.
"""
