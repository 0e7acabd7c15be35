"""`latelight serve`: the library over HTTP, with its page."""

from pathlib import Path
from typing import Annotated

import typer

from latelight.cli.console import err
from latelight.cli.options import open_library
from latelight.errors import InputError

_MIB = 1 << 20


def serve(  # noqa: PLR0913, PLR0917  a command's options
    library: Annotated[
        Path | None, typer.Argument(help="Directory of the library [env: LATELIGHT_LIBRARY].")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 8080,
    workers: Annotated[
        int, typer.Option("--workers", help="Processes; each loads the models for itself.")
    ] = 1,
    rate: Annotated[
        float, typer.Option("--rate", help="Requests a second of each key; 0: no limit.")
    ] = 0.0,
    searches: Annotated[
        int, typer.Option("--searches", help="Searches of each key at once; 0: no limit.")
    ] = 0,
    jobs: Annotated[int, typer.Option("--jobs", help="Jobs that run at once.")] = 2,
    max_upload: Annotated[
        int, typer.Option("--max-upload", help="MiB of an upload at most.")
    ] = 2048,
    grace: Annotated[
        float, typer.Option("--grace", help="Seconds that ending may take at most.")
    ] = 30.0,
) -> None:
    """Serve a library over HTTP, with its page, until Ctrl-C or SIGTERM.

    Without keys (`latelight keys create`) it is open to this machine and to nobody else. Logs are
    lines of JSON on standard error.
    """
    from latelight.server.auth import is_loopback
    from latelight.server.config import ServerConfig
    from latelight.server.process import Bind, Served, check_bind, listen, run

    if min(workers, jobs, max_upload) < 1 or min(rate, searches) < 0 or not 1 <= grace <= 3600:
        raise InputError(
            "Give at least one worker, job and MiB, no negative limit, and 1 to 3600 s of --grace."
        )
    opened = open_library(str(library) if library else None, create=True)
    bind = Bind(host, port, workers)
    check_bind(opened, bind)
    config = ServerConfig(
        is_loopback=is_loopback(host),
        max_upload_bytes=max_upload * _MIB,
        requests_per_second=rate,
        searches_per_key=searches,
        n_jobs=jobs,
        shutdown_seconds=grace,
    )
    listening = listen(bind)
    shown = f"[{host}]" if ":" in host else host
    err.print(f"Latelight serves {opened.root} on http://{shown}:{listening.getsockname()[1]}/")
    run(Served(opened.root, opened.settings, config), bind, listening)
