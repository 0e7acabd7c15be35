"""OpenTelemetry spans, where its packages are installed and an endpoint is named; else nothing.

A span for each request, named by its route, whose parent is the caller's (`traceparent`); within it
one for its search, with the times of the stages. No query, no id of a document, no text is told.
"""

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_SERVER_ERROR = 500


class Span:
    """Something that takes time; this one is told to nobody."""

    def tell(self, attributes: Mapping[str, str | int | float]) -> None:
        """Say more of it."""

    def is_request(self, method: str, route: str, status: int) -> None:
        """Say which request it was, and how it was answered."""


class Tracer:
    """Opens spans; this one opens none."""

    @contextmanager
    def span(self, name: str, headers: Mapping[str, str] | None = None) -> Iterator[Span]:
        """Open a span for as long as the block runs.

        Args:
            name: of the span.
            headers: of a request, whose caller's span is its parent.
        """
        yield _NO_SPAN

    def close(self) -> None:
        """Send what was not sent yet."""


_NO_SPAN = Span()
no_tracer = Tracer()


class _Provider(Protocol):
    def get_tracer(self, name: str) -> Any: ...

    def shutdown(self) -> None: ...


class OpenTelemetry(Tracer):
    """Opens spans of a provider."""

    def __init__(self, provider: _Provider) -> None:
        """Use a provider of the SDK."""
        self._provider = provider
        self._tracer = provider.get_tracer("latelight")
        self._trace: Any = importlib.import_module("opentelemetry.trace")
        self._propagate: Any = importlib.import_module("opentelemetry.propagate")

    @contextmanager
    def span(self, name: str, headers: Mapping[str, str] | None = None) -> Iterator[Span]:
        """Open a span for as long as the block runs; what it raises is told by its kind alone."""
        parent, kind = None, self._trace.SpanKind.INTERNAL
        if headers is not None:
            parent, kind = self._propagate.extract(headers), self._trace.SpanKind.SERVER
        with self._tracer.start_as_current_span(
            name, parent, kind, record_exception=False, set_status_on_exception=False
        ) as opened:
            made = _OpenSpan(opened, self._trace)
            try:
                yield made
            except BaseException as error:
                made.fail(type(error).__name__)
                raise

    def close(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()


class _OpenSpan(Span):
    def __init__(self, opened: Any, trace: Any) -> None:
        self._opened = opened
        self._trace = trace

    def tell(self, attributes: Mapping[str, str | int | float]) -> None:
        self._opened.set_attributes(dict(attributes))

    def is_request(self, method: str, route: str, status: int) -> None:
        self._opened.update_name(f"{method} {route}")
        told = {"http.request.method": method, "http.route": route}
        self.tell({**told, "http.response.status_code": status})
        if status >= _SERVER_ERROR:
            self.fail(str(status))

    def fail(self, kind: str) -> None:
        self.tell({"error.type": kind})
        self._opened.set_status(self._trace.Status(self._trace.StatusCode.ERROR))


def make_tracer() -> Tracer:
    """Return what opens spans; `no_tracer` without an endpoint or without the packages."""
    if not any(map(os.environ.get, ENDPOINTS)) or not all(map(_is_there, _PACKAGES)):
        return no_tracer
    exporter = importlib.import_module(f"{_PACKAGES[1]}.trace_exporter").OTLPSpanExporter()
    sdk = importlib.import_module("opentelemetry.sdk.trace")
    export = importlib.import_module("opentelemetry.sdk.trace.export")
    resources = importlib.import_module("opentelemetry.sdk.resources")
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "latelight")}
    provider = sdk.TracerProvider(resource=resources.Resource.create(named))
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return OpenTelemetry(provider)


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False
