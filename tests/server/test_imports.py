"""What a search on the command line must not wait for."""

import subprocess
import sys

SERVICE = ("fastapi", "starlette", "uvicorn", "pydantic", "prometheus_client", "python_multipart")


def test_commands_import_nothing_of_the_service() -> None:
    code = f"import sys, latelight.cli.commands; print([m for m in {SERVICE} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
