"""`python -m kova_server` is `kova`."""

from kova_server.cli import main

main()
