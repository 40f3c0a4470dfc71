"""/setup: makes Kova's GitHub App, and stores its credentials."""

from kova.bootstrap.functions import http_handler
from kova.bootstrap.setup import SetupRoot
from kova.web.routes import setup

ROUTERS = (setup.router,)
ROOTS = {"setup": SetupRoot}
handler = http_handler(ROUTERS, ROOTS)
