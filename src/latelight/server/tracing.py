"""OpenTelemetry spans, where its packages are installed and an endpoint is named; else nothing."""

import importlib.util
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

Tracer = Callable[[str], AbstractContextManager[Any]]
"""Opens a span of this name for as long as the block runs."""
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def no_tracer(name: str) -> AbstractContextManager[Any]:
    """Return a block that nobody is told of."""
    return nullcontext()


def make_tracer() -> Tracer:
    """Return what opens spans; `no_tracer` without an endpoint or without the packages."""
    if not os.environ.get(ENDPOINT) or not all(map(_is_there, _PACKAGES)):
        return no_tracer
    exporter = importlib.import_module(f"{_PACKAGES[1]}.trace_exporter").OTLPSpanExporter()
    trace = importlib.import_module("opentelemetry.sdk.trace")
    export = importlib.import_module("opentelemetry.sdk.trace.export")
    resources = importlib.import_module("opentelemetry.sdk.resources")
    own = resources.Resource.create({"service.name": "latelight"})
    provider = trace.TracerProvider(resource=own)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    opened: Tracer = provider.get_tracer("latelight").start_as_current_span
    return opened


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False
