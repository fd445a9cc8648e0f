"""A file system of a few megabytes, to be filled."""

import contextlib
import os
import subprocess

import pytest


class SmallDisk:
    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self):
        """Leaves no byte to anybody."""
        with open(self.ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self):
        self.ballast.unlink()


@contextlib.contextmanager
def small_disk(folder, megabytes):
    """Skips the test where mounting is not allowed, as in a container without CAP_SYS_ADMIN."""
    folder.mkdir(parents=True)
    if os.getuid() != 0:
        pytest.skip("Only root may mount a small file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", folder],
        capture_output=True, text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"A small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
