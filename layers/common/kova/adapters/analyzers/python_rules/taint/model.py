"""Where input from outside begins, where it does harm, and what makes it harmless."""

from __future__ import annotations

import re
from typing import Final

REQUEST: Final = "request"  # Anyone on the network chose it.
LOCAL: Final = "local"  # Whoever started the program chose it.
WEAK: Final = "weak"  # A random number that can be guessed.

REQUEST_FIELDS: Final = frozenset(
    """
    args form values cookies headers json data files query_string query_params path_params body
    GET POST COOKIES META FILES params query forms url full_path path stream content_params
    get_json get_data user_agent referrer get_query_argument get_argument get_body_argument
    get_cookie
    """.split()
)
REQUEST_NAMES: Final = ("flask.request", "bottle.request", "quart.request")
# These begin with our own host, or with that of the page that led here: nobody is sent elsewhere.
OWN_ADDRESS: Final = frozenset({"url", "full_path", "path", "referrer", "META"})
# Functions that make an address of our own from a route's name.
OWN_URL: Final = re.compile(r"reverse|url_for|absolute_ur[il]|route_(?:url|path)", re.IGNORECASE)
# Fields that hold files: their own name has lost its folders, but for `filename`, and what is read
# from them is input again.
UPLOADS: Final = frozenset({"FILES", "files"})
READS: Final = frozenset({"read", "readline", "readlines", "getvalue"})
ADDRESSES: Final = frozenset({"redirect", "ssrf"})
REQUEST_CALLS: Final = frozenset({"get_argument", "get_query_argument", "get_body_argument"})
ROUTES: Final = frozenset(
    {"route", "get", "post", "put", "patch", "delete", "api_route", "websocket", "head"}
)
# A parameter of one of these types cannot carry text that does harm, or is checked by its model.
PLAIN_TYPES: Final = frozenset({"int", "float", "bool", "UUID", "date", "datetime", "Decimal"})
INJECTS: Final = frozenset({"Depends", "Security"})
LOCAL_CALLS: Final = frozenset({"input", "sys.stdin.read", "sys.stdin.readline"})
LOCAL_NAMES: Final = frozenset({"sys.argv"})
ORIGINS: Final = ("random.", "sys.argv.", "sys.stdin.")
WEAK_CALLS: Final = frozenset(
    f"random.{name}"
    for name in (
        "random", "randint", "randrange", "choice", "choices", "sample", "getrandbits", "uniform",
        "randbytes", "shuffle", "gauss", "normalvariate", "triangular", "betavariate",
        "expovariate", "lognormvariate", "paretovariate", "vonmisesvariate", "weibullvariate",
        "gammavariate",
    )
)  # fmt: skip

# Functions that hand on what they are given; methods of tainted values do so by themselves.
PASS_ON: Final = frozenset(
    """
    str repr format bytes bytearray sorted reversed list tuple set dict iter next max min
    enumerate zip map filter unquote unquote_plus parse_qs parse_qsl urljoin b64decode
    b64encode urlsafe_b64decode urlsafe_b64encode decode encode join loads dumps Path PurePath
    abspath expanduser normpath realpath deepcopy copy getattr smart_str force_str text
    to_bytes to_text fsdecode sub replace dedent cast chain from_iterable hexlify unhexlify
    StringIO BytesIO urlparse urlsplit partition format_map ConfigParser Formatter hexdigest
    digest quote_plus urlencode split
    """.split()
)
# A function whose name says that it makes a text safe for a page.
ESCAPES: Final = re.compile(
    r"(?:escape|sanit|bleach)\w*html|html\w*(?:escape|sanit)", re.IGNORECASE
)
CLEANS_ALL: Final = frozenset(
    "int float bool len UUID uuid4 round abs hash id ord isinstance secure_filename Decimal "
    "fromisoformat strptime type hasattr count index find sum any all callable".split()
)
CLEANS: Final = {
    "quote": frozenset({"command", "redirect"}),
    "basename": frozenset({"path"}),
    "safe_join": frozenset({"path"}),
    "url_for": frozenset({"redirect", "path", "command"}),
    "reverse": frozenset({"redirect"}),
    "escape": frozenset({"xss", "template"}),
    "conditional_escape": frozenset({"xss"}),
    "clean": frozenset({"xss"}),
    "jsonify": frozenset({"xss"}),
    "dumps": frozenset({"xss"}),
    "render_template": frozenset({"xss"}),
    "render": frozenset({"xss"}),
    "escape_filter_chars": frozenset({"ldap"}),
    "hexdigest": frozenset({"path", "command", "sql", "xss", "code"}),
}
GUARDS: Final = re.compile(
    r"valid|allow|safe|white|trust|permit|isdigit|isalnum|isnumeric|isidentifier|fullmatch|match"
    r"|same_(?:domain|origin|host|site)|is_local|is_relative_to|startswith|has_perm|endswith|is_authori|accept",
    re.IGNORECASE,
)

# Kind of harm by the dotted name of a function whose first argument does it.
SINKS: Final = {
    "eval": "code", "exec": "code", "builtins.eval": "code", "builtins.exec": "code",
    "code.interact": "code", "importlib.import_module": "code", "__import__": "code",
    "os.system": "command", "os.popen": "command", "subprocess.getoutput": "command",
    "subprocess.getstatusoutput": "command", "asyncio.create_subprocess_shell": "command",
    "commands.getoutput": "command", "pty.spawn": "command", "os.startfile": "command",
    "open": "path", "io.open": "path", "codecs.open": "path", "os.open": "path",
    "os.remove": "path", "os.unlink": "path", "os.rmdir": "path", "os.listdir": "path",
    "os.makedirs": "path", "os.mkdir": "path", "os.scandir": "path", "os.chmod": "path",
    "shutil.rmtree": "path", "shutil.copy": "path", "shutil.copyfile": "path",
    "shutil.move": "path", "shutil.copytree": "path", "aiofiles.open": "path",
    "flask.send_file": "path", "send_file": "path", "zipfile.ZipFile": "path",
    "tarfile.open": "path",
    "fastapi.responses.FileResponse": "path", "starlette.responses.FileResponse": "path",
    "flask.redirect": "redirect", "django.shortcuts.redirect": "redirect",
    "django.http.HttpResponseRedirect": "redirect", "bottle.redirect": "redirect",
    "django.http.HttpResponsePermanentRedirect": "redirect", "werkzeug.utils.redirect": "redirect",
    "fastapi.responses.RedirectResponse": "redirect", "quart.redirect": "redirect",
    "starlette.responses.RedirectResponse": "redirect", "aiohttp.web.HTTPFound": "redirect",
    "flask.render_template_string": "template", "jinja2.Template": "template",
    "django.template.Template": "template", "mako.template.Template": "template",
    "quart.render_template_string": "template", "bottle.template": "template",
    "markupsafe.Markup": "xss", "flask.Markup": "xss", "jinja2.Markup": "xss",
    "django.utils.safestring.mark_safe": "xss", "django.http.HttpResponse": "xss",
    "fastapi.responses.HTMLResponse": "xss", "starlette.responses.HTMLResponse": "xss",
    "pickle.loads": "pickle", "pickle.load": "pickle", "cPickle.loads": "pickle",
    "_pickle.loads": "pickle", "dill.loads": "pickle", "marshal.loads": "pickle",
    "jsonpickle.decode": "pickle", "yaml.unsafe_load": "pickle", "shelve.open": "pickle",
    "joblib.load": "pickle", "torch.load": "pickle", "cloudpickle.loads": "pickle",
    "urllib.request.urlopen": "ssrf", "urllib.request.Request": "ssrf", "httpx.get": "ssrf",
    "httpx.post": "ssrf", "httpx.stream": "ssrf", "requests.get": "ssrf", "requests.post": "ssrf",
    "requests.put": "ssrf", "requests.head": "ssrf", "requests.delete": "ssrf",
    "requests.patch": "ssrf", "urllib.request.urlretrieve": "ssrf",
    "lxml.etree.XPath": "xpath", "elementpath.select": "xpath",
}  # fmt: skip
# Where a page may be given another type: keywords, and what assigns it to an answer.
PAGE_TYPES: Final = frozenset({"content_type", "mimetype", "media_type"})
# Libraries whose paths have methods that open files.
PATH_LIBRARIES: Final = frozenset({"pathlib", "anyio", "trio", "path", "upath"})
# Where a shuffled text got its characters from, if they cannot be guessed.
STRONG: Final = frozenset({"urandom", "SystemRandom", "secrets", "token_bytes", "randbelow"})
# The argument that does the harm, where it is not the first.
SECOND_ARGUMENT: Final = {"elementpath.select": 1}
METHOD_SINKS: Final = {
    "from_string": "template", "exec_command": "command", "xpath": "xpath", "search_s": "ldap",
    "execute": "sql", "executemany": "sql", "executescript": "sql", "raw": "sql",
    "read_text": "own_path", "read_bytes": "own_path", "write_text": "own_path",
    "write_bytes": "own_path", "unlink": "own_path", "open": "own_path",
}  # fmt: skip
METHOD_ARGUMENT: Final = {"search_s": 2, "search": 1}  # The latter where ldap3 is imported.
RUNS: Final = frozenset(
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen")
)
SPAWNS: Final = re.compile(r"^os\.(?:exec|spawn)[lv]\w*$")
SAFE_YAML: Final = frozenset({"SafeLoader", "CSafeLoader", "BaseLoader"})

RULES: Final = {
    "code": ("code-injection", "runs as code"),
    "command": ("command-injection", "becomes part of a command"),
    "path": ("path-traversal", "chooses a file"),
    "redirect": ("open-redirect", "chooses where the browser goes"),
    "template": ("template-injection", "becomes part of a template, which runs"),
    "xss": ("cross-site-scripting", "becomes part of a page without being escaped"),
    "pickle": ("unsafe-deserialization", "is turned into objects that it names itself"),
    "sql": ("sql-injection", "becomes part of a query"),
    "ssrf": ("server-side-request", "chooses which server is asked"),
    "xpath": ("xpath-injection", "becomes part of an XPath query"),
    "ldap": ("ldap-injection", "becomes part of an LDAP query"),
}
# What the one who runs the program may do on purpose, and should not by accident.
LOCAL_KINDS: Final = frozenset({"code", "command", "pickle", "sql"})


def check_tables() -> None:
    """Hold the tables against RULES.

    Raises:
        ValueError: one names a kind of harm that has no rule, or an argument of no function.
    """
    kinds = {
        "SINKS": {*SINKS.values()},
        "METHOD_SINKS": {kind.removeprefix("own_") for kind in METHOD_SINKS.values()},
        "ADDRESSES": ADDRESSES,
        "LOCAL_KINDS": LOCAL_KINDS,
        "CLEANS": frozenset().union(*CLEANS.values()),
    }
    missing = [f"{table} has {kind}" for table in kinds for kind in kinds[table] - RULES.keys()]
    missing += [f"SECOND_ARGUMENT has {name}" for name in SECOND_ARGUMENT.keys() - SINKS.keys()]
    if missing:
        raise ValueError(f"kova: {', '.join(sorted(missing))}, and there is no rule for it")
