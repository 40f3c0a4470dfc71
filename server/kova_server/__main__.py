"""`python -m kova_server` is `kova`."""

from __future__ import annotations

import os
import signal

_INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Import the command line and run it: Ctrl-C ends both quietly."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    # Only here: an import that Ctrl-C interrupts would show where it was.
    from kova_server.cli import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
