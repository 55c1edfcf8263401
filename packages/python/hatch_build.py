"""Puts the program into the wheel, and the platform that it is for into the wheel's tag.

Without LANYARD_WHEEL_BINARY, as when pip builds from the source archive on a platform that no wheel is for, the wheel
is for any platform and has no program; lanyard says then which platforms there are.
"""

import os

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        binary = os.environ.get("LANYARD_WHEEL_BINARY")
        if not binary:
            return
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + os.environ["LANYARD_WHEEL_PLATFORM"]
        build_data["force_include"][binary] = "lanyard/bin/" + os.path.basename(binary)
