"""Logs as lines of JSON: what happened, never what documents or queries say."""

import json
import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

ACCESS = logging.getLogger("latelight.server.access")
ERRORS = logging.getLogger("latelight.server.errors")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object; `extra` fields beside the message.

    Of an exception it tells its type and the lines of code, not its message: that may quote a
    document, a query or a path.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        own: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        own |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            own |= told_of(record.exc_info[0], record.exc_info[2])
        return json.dumps(own, ensure_ascii=False, default=str)


def told_of(kind: type[BaseException], trace: TracebackType | None) -> dict[str, Any]:
    """Return what may be said of an exception."""
    frames = traceback.extract_tb(trace)
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": f"{kind.__module__}.{kind.__qualname__}", "trace": lines}


def write_json_lines() -> None:
    """Write this process's logs to standard error as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # ours has no query strings
