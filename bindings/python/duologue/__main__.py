"""``python -m duologue talk …``: hands over to the program of the distribution ``duologue-simulator``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Optional

from ._native import version
from .errors import Error
from .simulator import find_program

#: Wrong usage, as the program says it.
USAGE = 2


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the program with these arguments (default: the command line's); its exit code.

    Where the system can do that, the program takes the place of this process and nothing is returned.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments) in (["--version"], ["-V"]):
        print(f"duologue {version()}")
        return 0
    try:
        program = find_program()
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    command = [program, *arguments]
    try:
        if os.name == "posix":
            os.execv(program, command)
        return _wait(subprocess.Popen(command))
    except (OSError, ValueError) as error:
        print(f"error: {program} cannot be run: {error}", file=sys.stderr)
        return USAGE


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The program got it too, and ends in order.
            continue


if __name__ == "__main__":
    sys.exit(main())
