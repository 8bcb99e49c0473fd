"""The process that sets one PDF: Typst on standard input, the PDF on standard output, what went wrong on the other.

Run by its path, with a time (seconds since 1970), seconds and bytes it may use; its folder is all that Typst sees.
"""

from __future__ import annotations

import resource
import sys


def main() -> int:
    written_at, seconds, memory = (int(given) for given in sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    import typst

    try:
        given = typst.Compiler(sys.stdin.buffer.read(), root=".", package_path=".", package_cache_path=".")
        pdf = given.compile(format="pdf", pdf_standards=["ua-1"], timestamp=written_at)
    except typst.TypstError as error:
        sys.stderr.write(" ".join(error.message.split()))
        return 1
    sys.stdout.buffer.write(pdf if isinstance(pdf, bytes) else b"")
    return 0


if __name__ == "__main__":
    sys.exit(main())
