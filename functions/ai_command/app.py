"""POST /ai/command and the list of commands."""

from kova.bootstrap.functions import http_handler
from kova.web.routes import ai

ROUTERS = (ai.router,)
handler = http_handler(ROUTERS)
