"""What every benchmark's result says of the run itself."""

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any


def circumstances(benchmark: str, seed: int | None) -> dict[str, Any]:
    """Return the benchmark's name, the commit, the machine, the seed and the day."""
    return {
        "benchmark": benchmark,
        "commit": commit(),
        "machine": f"{cpu_name()}, {os.cpu_count()} CPUs, {platform.system()}",
        "seed": seed,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def commit() -> str:
    """Return the short hash of the commit that is checked out."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def cpu_name() -> str:
    """Return the processor's model name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
