"""What generated code may see: values, numbers, text, references, limits, errors.

`exported` (in `runtime.exported`) is the whole list of names. Nothing here knows of syntax, of rules or of
passes: a value comes in, a value goes out.
"""
