"""Our own rules for Python."""

from typing import Final

from kova.analysis.rule import Catalogue

RULES: Final = Catalogue(
    "kova",
    """
code-injection          critical error   secure* 95   who sends the request runs code
command-injection       critical error   secure* 78   who sends the request runs commands
sql-injection           critical error   secure* 89   who sends the request writes the query
unsafe-deserialization  critical error   secure* 502  who sends the request makes objects run
template-injection      critical error   secure* 1336 who sends the request writes the template
path-traversal          high     error   secure* 22   who sends the request chooses the file
cross-site-scripting    high     error   secure* 79   who sends the link runs scripts in the page
open-redirect           medium   error   secure* 601  a link to you leads to another's page
server-side-request     high     error   secure* 918  who sends the request reaches your network
xpath-injection         high     error   secure* 643  who sends the request writes the query
ldap-injection          high     error   secure* 90   who sends the request writes the query
local-input             medium   warning secure* 77   what the user types is run
sql-from-string         high?    error   secure* 89   a quote in the value breaks, or rewrites, it
weak-random             high     error   secure* 338  the value can be guessed
weak-hash               high?    error   secure* 327  the hash can be broken
external-entities       high     error   secure* 611  the XML reads your files and asks your network
cookie-without-tls      medium   error   secure* 614  whoever listens on the way has the session
request-without-timeout medium   error   reliable* 400 one silent server stops the program
tls-not-verified        high     error   secure* 295  anyone on the way reads and changes it all
""",
)
