"""/auth: people sign in and out."""

from kova.bootstrap.functions import http_handler
from kova.bootstrap.people import PeopleRoot
from kova.web.routes import auth

ROUTERS = (auth.router,)
ROOTS = {"people": PeopleRoot}
handler = http_handler(ROUTERS, ROOTS)
