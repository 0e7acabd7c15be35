"""A server as a process: bound, signalled, and ended with 0."""

import signal
import socket
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from latelight.app import Library
from latelight.errors import InputError
from latelight.releases.catalog import CATALOG
from latelight.releases.keys import KeyStore
from latelight.server.app import create_app
from latelight.server.auth import is_loopback
from latelight.server.config import ServerConfig
from latelight.server.logs import write_json_lines
from latelight.server.tracing import make_tracer
from latelight.settings import Settings

KEEP_ALIVE_SECONDS = 30
MOST_HEADER_BYTES = 64 << 10
WAITING_CONNECTIONS = 2048


@dataclass(frozen=True)
class Bind:
    """Where a server listens, and with how many processes.

    Attributes:
        host, port: port 0 takes a free one.
        n_workers: processes that share the port; each loads the models for itself.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    n_workers: int = 1


@dataclass(frozen=True)
class Served:
    """What a worker process needs to make its application."""

    root: Path
    settings: Settings
    config: ServerConfig = field(default_factory=ServerConfig)


def check_bind(library: Library, bind: Bind) -> None:
    """Refuse to be reached from elsewhere while everybody would be admin.

    Raises:
        InputError: there is no key, and the address is not this machine's alone.
    """
    if not is_loopback(bind.host) and KeyStore(library.root / CATALOG).is_empty():
        raise InputError(
            f"{bind.host} is reached from other machines, and there is no key: everybody could do "
            "everything. Make one first (`latelight keys create NAME --namespace '*' --scope "
            "admin`), or serve on 127.0.0.1."
        )


def run(served: Served, bind: Bind, listening: socket.socket) -> None:
    """Serve until a signal ends it; returns when everything has come to a stop.

    SIGTERM and Ctrl-C close the door, let answers be finished and batches be published, and leave
    jobs to the next process. A second Ctrl-C does not wait.
    """
    make = partial(make_worker_app, served)
    config = uvicorn.Config(
        make,
        factory=True,
        workers=bind.n_workers,
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(served.config.shutdown_seconds) or 1,
        backlog=WAITING_CONNECTIONS,
    )
    write_json_lines()
    # uvicorn raises the signals that it has seen once more at its end: they have been heard.
    for heard in (signal.SIGTERM, signal.SIGINT):
        signal.signal(heard, _ignore)
    if bind.n_workers == 1:
        uvicorn.Server(config).run(sockets=[listening])
    else:
        Multiprocess(config, sockets=[listening]).run()


def listen(bind: Bind) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the address is taken, or none of this machine.
    """
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    # Named, the protocol makes asyncio send small answers at once instead of after 40 ms.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((bind.host, bind.port))
        made.listen(WAITING_CONNECTIONS)  # who comes before the application is there may wait
    except OSError as error:
        made.close()
        raise InputError(
            f"Cannot listen on {bind.host}:{bind.port} ({error.strerror or error}); choose another "
            "--port or --host."
        ) from error
    made.set_inheritable(True)
    return made


def make_worker_app(served: Served) -> FastAPI:
    """Return the application of one worker process."""
    write_json_lines()
    library = Library(served.root, served.settings)
    return create_app(library, served.config, tracer=make_tracer())


def _ignore(sig: int, frame: FrameType | None) -> None:
    """Do nothing."""
