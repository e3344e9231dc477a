"""What the service answers to: one table of operations, from which dispatch and OpenAPI are both made."""
