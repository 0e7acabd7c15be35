"""`latelight verify`: every byte of a library checked."""

from latelight.cli.console import Failed, err, out, print_json
from latelight.cli.options import JsonOption, LibraryOption, open_library


def verify(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Check every checksum and reference of a library; the exit code is 1 when one is wrong."""
    checked = 0
    problems: list[dict[str, str]] = []
    for namespace, target in open_library(library).every_collection():
        checked += 1
        problems += [
            {"collection": f"{namespace}/{target.name}", "file": str(p.file), "problem": p.message}
            for p in target.verify()
        ]
    if as_json:
        print_json({"collections": checked, "problems": problems})
    elif problems:
        for one in problems:
            err.print(f"{one['collection']}: {one['file']}: {one['problem']}", markup=False)
    else:
        out.print(f"{checked} collections checked, all well.")
    if problems:
        raise Failed
