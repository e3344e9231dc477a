"""Structured logs: one JSON object a line on standard output, where `kubectl logs` finds it."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson

logger = logging.getLogger("pratique.agent")


class JsonLines(logging.Formatter):
    """Writes a record as `{"level", "ts", "logger", "msg", ...}` with the fields given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for one record."""
        line = {
            "level": record.levelname.lower(),
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "logger": record.name,
            "msg": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=_plain).decode()


def _plain(value: object) -> object:
    # Among the details of a violation are floats that know their spelling.
    return float(value) if isinstance(value, float) else str(value)


def configure(level: str) -> None:
    """Send every log of the process to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The servers' own chatter about processes and ports says nothing that `starting` and `ready` do not.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def info(message: str, **fields: object) -> None:
    """Log what happened."""
    logger.info(message, extra={"fields": fields})


def warning(message: str, **fields: object) -> None:
    """Log what needs attention, or will be tried again."""
    logger.warning(message, extra={"fields": fields})


def failure(message: str, **fields: object) -> None:
    """Log a fault of our own, with its traceback."""
    logger.exception(message, extra={"fields": fields})
