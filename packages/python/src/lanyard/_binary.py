"""Finds the program that the wheel brings."""

from __future__ import annotations

import os
import platform
import stat
import subprocess
import sys
from pathlib import Path

PLATFORMS = "Linux (x86_64 or aarch64), macOS (x86_64 or arm64) or Windows (AMD64 or ARM64)"


class UnsupportedPlatform(RuntimeError):
    """No wheel brings the program for this platform."""


def find_binary() -> str:
    """Returns the path of the program: LANYARD_BIN, or else the one in this package."""
    chosen = os.environ.get("LANYARD_BIN")
    if chosen:
        if not os.path.isfile(chosen):
            raise FileNotFoundError(f'LANYARD_BIN must be the path of the lanyard program, got "{chosen}"')
        return chosen
    name = "lanyard.exe" if sys.platform == "win32" else "lanyard"
    path = Path(__file__).parent / "bin" / name
    if not path.is_file():
        raise UnsupportedPlatform(
            f"the platform must be {PLATFORMS}, got {platform.system()} ({platform.machine()}): "
            "this installation of lanyard-server has no program. Elsewhere, build lanyard and set LANYARD_BIN to its path.")
    if not os.access(path, os.X_OK):  # an installer that drops modes
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return str(path)


def main() -> int:
    """The command ``lanyard``."""
    try:
        argv = [find_binary(), *sys.argv[1:]]
    except (UnsupportedPlatform, FileNotFoundError) as e:
        print(f"lanyard: error: {e}", file=sys.stderr)
        return 1
    if sys.platform != "win32":
        os.execv(argv[0], argv)
    try:
        return subprocess.call(argv)
    except KeyboardInterrupt:  # which the program has been told, too
        return 130
