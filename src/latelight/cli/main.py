"""Entry point of the `latelight` command."""

import sys
import warnings

from latelight.cli.console import Failed, report_error, say_warning
from latelight.errors import LatelightError


def main() -> None:
    """Run the command line; exits with 0 when all went well, 1 on failure, 2 on wrong usage."""
    from latelight.cli.commands import app

    try:
        with warnings.catch_warnings():
            warnings.showwarning = say_warning
            app()
    except Failed:
        sys.exit(1)
    except LatelightError as error:
        sys.exit(report_error(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
