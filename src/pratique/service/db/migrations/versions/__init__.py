"""One module a schema version, newest last."""
