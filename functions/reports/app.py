"""/ui/reports: what people take with them. It alone has both the database and Google's client."""

from kova.bootstrap.functions import http_handler
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.reports import ReportRoot
from kova.web.dashboard import exports, report

ROUTERS = (exports.router, report.router)
ROOTS = {"people": PeopleRoot, "reports": ReportRoot}
handler = http_handler(ROUTERS, ROOTS)
