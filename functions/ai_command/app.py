"""POST /ai/command and the list of commands."""

from kova.bootstrap.access import AccessRoot
from kova.bootstrap.commands import CommandRoot
from kova.bootstrap.functions import http_handler
from kova.web.routes import ai

ROUTERS = (ai.router,)
ROOTS = {"access": AccessRoot, "commands": CommandRoot}
handler = http_handler(ROUTERS, ROOTS)
