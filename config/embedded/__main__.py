"""`python -m config.embedded DATA_DIR LOCK`: started by membership.py, never by hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from config.embedded.folders import Folders


def main() -> None:
    data, lock = Path(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(lock, False)
    # Away from the process that started us: it need not know when we end.
    if os.fork():
        os._exit(0)
    from config.embedded.guardian import guard

    guard(Folders.of(data), lock)


if __name__ == "__main__":
    main()
