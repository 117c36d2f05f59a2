"""A kernel that fails or dawdles on demand, for one server."""

import os
import pathlib
import shutil
import subprocess

from .processes import temporary_directory

SOURCE = pathlib.Path(__file__).with_name("shim.c")


class Shim:
    """A library for a server that is started with env=shim.env.

    set() says what is to happen from now on, in place of what it said before:
    shim.set("fork fail", "fdatasync delay 300").  shim.c has the rules.
    """

    def __init__(self):
        self.dir = temporary_directory("shim")
        library, self._control = self.dir / "shim.so", self.dir / "control"
        # Linked with nothing and not optimised, it asks for no version of the C
        # library: the server may have an older one than we.
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O0", "-shared", "-fPIC", "-nostdlib",
                        "-o", library, SOURCE], check=True)
        self.env = {"LD_PRELOAD": str(library),
                    "SHIM_CONTROL": str(self._control)}
        self.set()

    def set(self, *rules):
        fresh = self._control.with_suffix(".new")
        fresh.write_text("".join(f"{rule}\n" for rule in rules))
        os.replace(fresh, self._control)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)
