"""The builtin functions, a file a namespace."""
