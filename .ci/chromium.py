"""Prints where Chromium is, and installs Debian's package where there is none. CHROMIUM=… names another one."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    named = os.environ.get("CHROMIUM")
    if named:
        if not os.access(named, os.X_OK):
            sys.exit(f"CHROMIUM names {named}, and that is no program. Name one, or leave it out.")
        print(named)  # noqa: T201
        return
    if not found():
        install()
    print(found() or sys.exit(complaint()))  # noqa: T201


def found() -> "str | None":
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> None:
    apt_get = shutil.which("apt-get")
    as_root = [] if os.geteuid() == 0 else [shutil.which("sudo")]
    if not apt_get or None in as_root:
        sys.exit(complaint())
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if as_root:
        as_root += ["--preserve-env=DEBIAN_FRONTEND"]
    print("Installing Chromium for the browser tests (a minute or two) …", file=sys.stderr)  # noqa: T201
    install = ["install", "--yes", "--quiet", "--no-install-recommends", "chromium"]
    for step in (["update", "--quiet"], install):
        # What apt says goes beside the one line that is read from here.
        if subprocess.run([*as_root, apt_get, *step], env=environment, stdout=sys.stderr).returncode != 0:  # noqa: S603
            sys.exit(complaint())


def complaint() -> str:
    return "The browser tests need Chromium, and it could not be installed here: install it, or name it with CHROMIUM=…"


if __name__ == "__main__":
    main()
