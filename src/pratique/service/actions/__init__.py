"""What the service decides. Functions take a `Context` and plain values, block, and return plain values."""
