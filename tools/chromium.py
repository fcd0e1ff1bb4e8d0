"""Find Chromium for the browser tests; on Debian, as root, install it when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    if find():
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(
            "The browser tests need Chromium, and none is on PATH. Install it (on Debian and "
            "Ubuntu: sudo apt install chromium) and run this again."
        )
    print("Installing Debian's Chromium for the browser tests", flush=True)
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=True)
    if not find():
        sys.exit("apt-get installed chromium, and still none is on PATH.")


if __name__ == "__main__":
    main()
