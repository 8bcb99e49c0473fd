"""Makes a virtual environment and installs a requirements file into it, unless that was done already.

`python3 .ci/venv.py requirements.txt`, for .venv; a folder after it is another environment's: `python3 .ci/venv.py
benchmarks/requirements.txt benchmarks/.venv`. Two that run at once wait for each other.
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = sys.argv[2] if len(sys.argv) > 2 else ".venv"
VENV = ROOT / NAME
PYTHON = VENV / "bin" / "python"


def main() -> None:
    requirements = sys.argv[1]
    if sys.version_info < (3, 11):  # noqa: UP036 - this is what runs before there is a Python of our choice
        sys.exit(f"Autonomy needs Python 3.11 or newer, and this is {version()}. Name one: make PYTHON=python3.12 …")
    with open(__file__, "rb") as this_file:
        try:
            fcntl.flock(this_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another make that is setting up {NAME} …")
            fcntl.flock(this_file, fcntl.LOCK_EX)
        stamp = VENV / f".{Path(requirements).name}.installed"
        wanted = fingerprint(requirements)
        if stamp.exists() and stamp.read_text() == wanted and works("import sys"):
            return
        if not works("import pip"):
            say(f"Making {NAME} …")
            run([sys.executable, "-m", "venv", "--clear", str(VENV)], "The virtual environment cannot be made")
        say(f"Installing {requirements} into {NAME} (about a minute) …")
        pip = [str(PYTHON), "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check", "--no-input", "install"]
        run([*pip, "-r", str(ROOT / requirements)], f"The packages of {requirements} cannot be installed")
        stamp.write_text(wanted)


def fingerprint(requirements: str) -> str:
    """Of what decides what is installed: the lists, this Python, and the folder, for a moved .venv does not work."""
    lists = (ROOT / requirements).parent.glob("requirements*.txt")
    contents = b"".join(path.read_bytes() for path in sorted(lists))
    return f"{hashlib.sha256(contents).hexdigest()} {version()} {ROOT}"


def version() -> str:
    return sys.version.split()[0]


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def works(statement: str) -> bool:
    try:
        return subprocess.run([str(PYTHON), "-c", statement], capture_output=True).returncode == 0  # noqa: S603
    except OSError:
        return False


def run(command: "list[str]", complaint: str) -> None:
    if subprocess.run(command).returncode != 0:  # noqa: S603
        sys.exit(complaint + " (see above). Mend that and run make again.")


if __name__ == "__main__":
    main()
