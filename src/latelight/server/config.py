"""What a server allows, as one frozen value."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class ServerConfig:
    """Limits and numbers of one server process.

    Attributes:
        is_loopback: whether only this machine reaches it; without keys it is then open.
        max_json_bytes: of a JSON body.
        max_upload_bytes: of a multipart body with files.
        max_image_bytes: of a picture to search with.
        requests_per_second: of one key, or of one address where there are no keys; 0: no limit.
        burst: requests that may come at once within that rate; 0: two seconds' worth.
        searches_per_key: searches of one key that may be under way or waiting; 0: no limit.
        n_search_threads: searches that run at once; 0: one for each core, at least two.
        most_waiting: searches that may wait for a thread before the server says that it is busy.
        n_jobs: jobs that run at once; others wait their turn.
        shutdown_seconds: so long may searches and jobs take to come to a stop.
        heartbeat_seconds: between two comments on an event stream.
    """

    is_loopback: bool = True
    max_json_bytes: int = 16 * MIB
    max_upload_bytes: int = 2048 * MIB
    max_image_bytes: int = 64 * MIB
    requests_per_second: float = 0.0
    burst: int = 0
    searches_per_key: int = 0
    n_search_threads: int = 0
    most_waiting: int = 1024
    n_jobs: int = 2
    shutdown_seconds: float = 30.0
    heartbeat_seconds: float = 15.0
