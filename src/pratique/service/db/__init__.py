"""Storage: SQLAlchemy Core over SQLite (WAL). Functions take a connection and plain values; no decisions."""
