"""What is often meant so, or is nobody's to mend here, is no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from kova.analysis.finding import Tier
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers

ANALYZE = AnalyzeTree(local_analyzers())
LOGS = "def f(self, name):\n    self.logger.debug('found {0}', name)\n"

ROUTED = """\
import {web}

{web}.start()


@app.route("/a", methods=["GET"])
def show():
    return 1


@app.route(
    "/b",
)
def show():
    return 2
"""
TWICE = """\
class A:
    @property
    def f(self):
        return 1

    @property
    def f(self):
        return {second}
"""
REGISTERED = """\
@normalise.register(A)
def f(a):
    return 1


@normalise.register(B)
def f(b):
    return 2
"""
INITS = """\
class A(B):
    def __init__(self):
        result = {first}
        self.a = 1
        return result
"""
_RULE = "-" * 5
KEY = f"""\
KEY = '''
{_RULE}BEGIN OPENSSH PRIVATE KEY{_RULE}
{{inside}}
{_RULE}END OPENSSH PRIVATE KEY{_RULE}
'''
"""
DESCRIBED = """\
class A(Spec):
    desc = "the first"
    a = File(desc=desc)
    b = File(
        desc="the second",
    )

    desc = "the third"
    c = File(desc=desc)
"""
COMMANDS = """\
@first.command()
def start(a):
    return a


@{owner}.command()
def start(b):
    return b
"""
NAMED = """\
import os
import tempfile


def f():
    name = tempfile.mktemp()
    {made}
"""
SPEAKS = """\
from OpenSSL import SSL


def f(a):
    return SSL.Context(method=SSL.{version})
"""
SCRIPT = """\
## Script (Python) "title"
##bind context=context
##parameters=name=None
"""
IN_A_CLASS = """\
class A:
    {mark}
    def f(self): ...

    def f(self, a): ...
"""
TELLS = """\
import logging


def {name}(name):
    logging.warning("%s", name, exc_info=True)
"""
CIPHER = "from Crypto.Cipher import DES\n\nC = DES.new(b'', DES.MODE_ECB)\n"
TRUSTS = """\
import paramiko


def connect(self):
    ssh = paramiko.SSHClient()
    if {asks}:
        ssh.load_system_host_keys()
    else:
        ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
"""
FINALLY = """\
export function f(a) {{
  try {{
    a("}}");
  }} catch (e) {{
    {caught};
  }} finally {{
    return 1;
  }}
}}
"""
SWITCH = """\
export function f(a) {
  switch (a) {
    case 1:
      return 2;
      break;
    default:
      return 3;
  }
}
"""


@pytest.mark.parametrize(
    ("path", "text", "rule", "tier"),
    [
        ("a.py", LOGS, "PLE1205", Tier.WARNING),
        ("a.py", "import logging\n" + LOGS, "PLE1205", Tier.ERROR),
        ("a.py", "import sys\n\nprint >>sys.stderr, 1\n", "F633", Tier.ERROR),
        ("a.py", "def f():\n    breakpoint()\n", "T100", Tier.ERROR),
        ("a.py", "import ipdb\n\nf = ipdb\n", "T100", Tier.WARNING),
        ("vendor/a.py", "def f(x):\n    return x is 'a'\n", "F632", Tier.WARNING),
        ("src/a.py", "def f(x):\n    return x is 'a'\n", "F632", Tier.ERROR),
        ("a.py", "def f():\n    return _('text')\n", "F821", Tier.WARNING),
        ("a.py", "try:\n    f = 1\nexcept OSError, e:\n    f = e\n", "F821", Tier.WARNING),
        ("a.py", "a\nb\nc\nd\ne\ng\n", "F821", Tier.WARNING),
        ("a.py", "def f():\n    return lost\n", "F821", Tier.ERROR),
        ("a.py", "raise TypeError, 'a', None\n", "invalid-syntax", Tier.WARNING),
        ("a.py", "x = (1\n", "invalid-syntax", Tier.ERROR),
        ("a.py", "import yaml\n\nyaml.load('a', Loader=Own)\n", "S506", Tier.WARNING),
        ("a.py", "import yaml\n\nyaml.load('a', Loader=yaml.Loader)\n", "S506", Tier.ERROR),
        ("a.py", "try:\n    None < 0\nexcept TypeError:\n    pass\n", "B015", Tier.WARNING),
        ("a.py", "def f(t):\n    y, x, x = t\n    return y\n", "PLW0128", Tier.WARNING),
        ("a.py", "def f(): ...\n\n\ndef f(a): ...\n", "F811", Tier.ERROR),
        ("a.py", "from b import f\n\n\ndef f(): ...\n", "F811", Tier.WARNING),
        ("a.py", ROUTED.format(web="own"), "F811", Tier.WARNING),
        ("a.py", ROUTED.format(web="flask"), "F811", Tier.ERROR),
        ("a.py", IN_A_CLASS.format(mark="@http.route('/a')"), "F811", Tier.ERROR),
        ("a.py", IN_A_CLASS.format(mark="@routes.get('/a')"), "F811", Tier.WARNING),
        ("a.py", IN_A_CLASS.format(mark="@mock.patch('a')"), "F811", Tier.ERROR),
        ("a.py", TWICE.format(second="1"), "F811", Tier.WARNING),
        ("a.py", TWICE.format(second="2"), "F811", Tier.ERROR),
        ("a.py", REGISTERED, "F811", Tier.WARNING),
        ("a.py", SCRIPT + "return context.title(name)\n", "F706", Tier.WARNING),
        ("a.py", SCRIPT + "return context.title(name)\n", "F821", Tier.WARNING),
        ("a.py", "if done:\n    return 1\nlast = 2\n", "F706", Tier.WARNING),
        ("a.py", "def f():\n    a = 1\nreturn 2\n", "F706", Tier.ERROR),
        ("a.py", "def f():\n    a = 1\nreturn lost\n", "F821", Tier.ERROR),
        ("a.py", "def f(a):\n    assert a == 1, b'one'\n", "RUF040", Tier.WARNING),
        ("a.py", "def f(a):\n    assert len(a), 1\n", "RUF040", Tier.ERROR),
        ("a.py", "def f(a, b):\n    a in b\n    return b\n", "B015", Tier.WARNING),
        ("a.py", "def f(a):\n    a.b == 1\n    return a\n", "B015", Tier.ERROR),
        (
            "a.py",
            "def f(_, a):\n    def _(b): ...\n    return _('%s' % a)\n",
            "INT003",
            Tier.WARNING,
        ),
        ("a.py", "from own.i18n import _\n\nF = _('%s' % _)\n", "INT003", Tier.ERROR),
        ("static/contrib/a.js", "var a = 1;\ndelete a;\n", "eslint/no-delete-var", Tier.WARNING),
        ("docs/listings/a.py", "def f():\n    return lost\n", "F821", Tier.WARNING),
        ("a.py", "exec(open('b.py').read())\nA = version()\n", "F821", Tier.WARNING),
        (
            "a.py",
            "A = {'b': 1}\n__all__ = (\n    'A',\n    *A.keys(),\n)\n",
            "PLE0604",
            Tier.WARNING,
        ),
        ("a.py", "A = 1\n__all__ = ('A', b'B')\n", "PLE0604", Tier.ERROR),
        ("a.py", INITS.format(first="super().__init__()"), "PLE0101", Tier.WARNING),
        ("a.py", INITS.format(first="self.start()"), "PLE0101", Tier.ERROR),
        ("a.py", "def f():\n    return 'done' % locals()\n", "F507", Tier.WARNING),
        ("a.py", "def f(a):\n    return 'done' % a\n", "F507", Tier.ERROR),
        ("a.py", "import yaml\n\n\ndef f(**a):\n    yaml.load('', **a)\n", "S506", Tier.WARNING),
        ("a.py", SPEAKS.format(version="SSLv23_METHOD"), "S502", Tier.WARNING),
        ("a.py", SPEAKS.format(version="SSLv3_METHOD"), "S502", Tier.ERROR),
        ("a.py", "globals()['A'] = 1\n__all__ = ['A']\n", "F822", Tier.WARNING),
        ("a.py", "__all__ = ['A']\n", "F822", Tier.ERROR),
        (
            "a.py",
            KEY.format(inside="<the key, as the protocol asks for it, in base64>\n" * 3),
            "private-key",
            Tier.WARNING,
        ),
        ("a.py", KEY.format(inside="MIIEpQIBAAKCAQEArk505GgE" * 20), "private-key", Tier.ERROR),
        ("a.py", TELLS.format(name="__exit__"), "LOG014", Tier.WARNING),
        ("a.py", "inject('http', globals())\ntest()\n", "F821", Tier.WARNING),
        ("a.py", "ns = globals()\nadd('bit', ns)\nb = 8 * bit\n", "F821", Tier.WARNING),
        ("libs/scons-2.3.2/a.py", "def f():\n    return lost\n", "F821", Tier.WARNING),
        ("build/inline_copy/a.py", "def f():\n    return lost\n", "F821", Tier.WARNING),
        ("api-2/a.py", "def f():\n    return lost\n", "F821", Tier.ERROR),
        ("a.py", "import numpy as np\nx = y = 1\nz = x is np.nan\n", "PLW0177", Tier.WARNING),
        ("a.py", "import numpy as np\nx = 1\nz = x == np.nan\n", "PLW0177", Tier.ERROR),
        ("a.py", "def f():\n    g(globals())\n    return lost\n", "F821", Tier.ERROR),
        ("a.py", 'def f(a) -> "spark.Column":\n    return a\n', "F821", Tier.WARNING),
        ("a.py", 'def f(a):\n    return f"{spark.Column}"\n', "F821", Tier.ERROR),
        ("a.py", 'def f(a):\n    return a["b"], lost\n', "F821", Tier.ERROR),
        ("a.py", DESCRIBED, "PIE794", Tier.WARNING),
        ("a.py", "def f(a):\n    return a in []\n", "RUF060", Tier.WARNING),
        ("a.py", COMMANDS.format(owner="second"), "F811", Tier.WARNING),
        ("a.py", COMMANDS.format(owner="first"), "F811", Tier.ERROR),
        ("a.py", NAMED.format(made="os.mkfifo(name)"), "S306", Tier.WARNING),
        ("a.py", NAMED.format(made="open(name, 'w')"), "S306", Tier.ERROR),
        ("js/codemirror/a.js", "var a = 1;\ndelete a;\n", "eslint/no-delete-var", Tier.WARNING),
        ("a.py", "inject(\n    'http',\n    globals(),\n)\ntest()\n", "F821", Tier.WARNING),
        (
            "a.py",
            INITS.format(first="0").replace(
                "result\n", "super(\n            A\n        ).__init__()\n"
            ),
            "PLE0101",
            Tier.WARNING,
        ),
        (
            "a.js",
            "export const f = (a) => a != null && a <= a;\n",
            "oxc/const-comparisons",
            Tier.WARNING,
        ),
        ("a.js", "export const f = (a) => a < 3 && a > 5;\n", "oxc/const-comparisons", Tier.ERROR),
        ("a.py", "TITLE = N_('Cover')\n", "F821", Tier.WARNING),
        ("a.py", "def f():\n    own = {'a': 1}\n    return 'done' % own\n", "F507", Tier.WARNING),
        ("a.py", "class A:\n    a: bool\n    b = 1\n    a = True\n", "PIE794", Tier.WARNING),
        ("a.py", "def on_signal(signal, frame):\n    breakpoint()\n", "T100", Tier.WARNING),
        ("a.py", REGISTERED.replace("normalise.register", "_add_method"), "F811", Tier.WARNING),
        ("a.py", "def f(): ...\n\n\n__all__ = [f.__name__]\n", "PLE0604", Tier.WARNING),
        ("a.py", "A = 1\n__all__ = ['A', 'A']\n", "RUF068", Tier.WARNING),
        ("conf.py", "tags.add('a')\n", "F821", Tier.WARNING),
        ("a.py", "tags.add('a')\n", "F821", Tier.ERROR),
        ("__init__.py", "import own.part\n\nX = part.X\n", "F821", Tier.WARNING),
        ("a.py", "import own.part\n\nX = part.X\n", "F821", Tier.ERROR),
        ("a.py", "c = get_config()\nc.a = 1\n", "F821", Tier.WARNING),
        ("a.py", "import logging\nfrom loguru import logger\n\n" + LOGS, "PLE1205", Tier.WARNING),
        ("a.py", "class A:\n    a = 1\n    b = 2\n    a = 1\n", "PIE794", Tier.WARNING),
        ("a.py", "class A:\n    a = 1\n    b = 2\n    a = 3\n", "PIE794", Tier.ERROR),
        ("a.py", "class A:\n    a = 16\n    b = f(a)\n    a = g(b)\n", "PIE794", Tier.WARNING),
        ("a.py", "class A:\n    a = 1\n\n\nclass B:\n    a = 2\n    a = 1\n", "PIE794", Tier.ERROR),
        ("a.py", "A = {'a': 1, 'a': 1}\n", "F601", Tier.WARNING),
        ("a.py", "A = {'a': 1, 'a': 2}\n", "F601", Tier.ERROR),
        ("a.py", "def f(t):\n    a, rest, rest = t\n    return a\n", "PLW0128", Tier.WARNING),
        ("a.py", "def f(t):\n    a, bc, bc = t\n    return a + bc\n", "PLW0128", Tier.ERROR),
        ("a.py", "def f(t):\n    a = a = t\n    return a\n", "PLW0128", Tier.WARNING),
        ("a.py", "def f(t):\n    return t.strip('--')\n", "B005", Tier.WARNING),
        ("a.py", "def f(t):\n    return t.rstrip('\\r\\n--')\n", "B005", Tier.WARNING),
        ("a.py", "def f(t):\n    return t.lstrip('Error')\n", "B005", Tier.ERROR),
        ("a.py", "import contextlib\n\nNONE = contextlib.suppress()\n", "B022", Tier.WARNING),
        (
            "a.py",
            "import contextlib\n\nwith contextlib.suppress():\n    f = 1\n",
            "B022",
            Tier.ERROR,
        ),
        (
            "a.py",
            "class A(B):\n    def __init__(self):\n        return super().__init__()\n",
            "PLE0101",
            Tier.WARNING,
        ),
        (
            "a.py",
            "class A:\n    def __init__(self):\n        return 1\n",
            "PLE0101",
            Tier.ERROR,
        ),
        ("a.py", "def f(a):\n    if a.debug:\n        breakpoint()\n", "T100", Tier.WARNING),
        ("a.py", "def shell():\n    breakpoint()\n", "T100", Tier.WARNING),
        ("a.py", "def f(a):\n    if a.b:\n        breakpoint()\n", "T100", Tier.ERROR),
        ("a.py", TELLS.format(name="log_error"), "LOG014", Tier.WARNING),
        ("a.py", TELLS.format(name="start"), "LOG014", Tier.ERROR),
        ("a.py", CIPHER, "S304", Tier.ERROR),
        ("a.py", '"""The keys of RFC 1510."""\n\n' + CIPHER, "S304", Tier.WARNING),
        ("a.py", CIPHER + "D = DES.new(b'', DES.MODE_CBC)\n", "S304", Tier.WARNING),
        ("a.py", TRUSTS.format(asks="self.strict_host_keys"), "S507", Tier.WARNING),
        ("a.py", TRUSTS.format(asks="self.port"), "S507", Tier.ERROR),
        (
            "a.py",
            "import ssl\n\n\ndef insecure_context():\n    return ssl._create_unverified_context()\n",
            "S323",
            Tier.WARNING,
        ),
        (
            "a.py",
            "import ssl\n\n\ndef context():\n    return ssl._create_unverified_context()\n",
            "S323",
            Tier.ERROR,
        ),
        ("a/_vendor/a.py", "def f(x):\n    return x is 'a'\n", "F632", Tier.WARNING),
        ("a/thirdparty/a.py", "def f(x):\n    return x is 'a'\n", "F632", Tier.WARNING),
        (
            "static/lib/a.js",
            "delete window;\nvar a = 1;\ndelete a;\n",
            "eslint/no-delete-var",
            Tier.WARNING,
        ),
        ("plugin/test.py", "def f():\n    breakpoint()\n", "T100", Tier.WARNING),
        ("a.js", FINALLY.format(caught="console.log(e)"), "eslint/no-unsafe-finally", Tier.WARNING),
        ("a.js", FINALLY.format(caught="throw e"), "eslint/no-unsafe-finally", Tier.ERROR),
        ("test_a.py", "def f():\n    breakpoint()\n", "T100", Tier.WARNING),
        (
            "a.js",
            SWITCH,
            "eslint/no-unreachable",
            Tier.WARNING,
        ),
        (
            "a.js",
            "export function f(a) {\n  return a;\n  a.close();\n}\n",
            "eslint/no-unreachable",
            Tier.ERROR,
        ),
    ],
)
def test_a_finding_weighs_what_its_place_tells(
    tmp_path: Path, path: str, text: str, rule: str, tier: Tier
) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    findings = ANALYZE.analyze(tmp_path, [path]).findings
    assert {finding.tier for finding in findings if finding.rule_id == rule} == {tier}


def test_data_under_the_name_of_a_program_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "de.js").write_text('{"": {"lang": "de"}, "Save": [null, "Sichern"]}\n')
    analysis = ANALYZE.analyze(tmp_path, ["de.js"])
    assert [file.reason for file in analysis.skipped] == ["oxlint_json"]
    assert not analysis.findings


def test_what_a_file_does_again_and_again_is_meant(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import sys\n\nprint >>sys.stderr, 1\nprint >>sys.stderr, 2\n")
    findings = ANALYZE.analyze(tmp_path, ["a.py"]).findings
    assert [finding.tier for finding in findings if finding.rule_id == "F633"] == [Tier.WARNING] * 2


def test_a_string_is_told_once_however_many_bad_escapes_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import re\n\nA = re.compile('\\d \\s \\w')\nB = '\\d'\n")
    findings = ANALYZE.analyze(tmp_path, ["a.py"]).findings
    places = [(finding.rule_id, finding.span.start_line) for finding in findings]
    assert places == [("W605", 3), ("W605", 4)]


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("def f():\n    import own.a\n    return own.a\n", Tier.WARNING),
        ("import own.a\n\nf = own.a\n", Tier.ERROR),
    ],
)
def test_a_module_may_import_itself_later(tmp_path: Path, text: str, tier: Tier) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/__init__.py").touch()
    (tmp_path / "own/a.py").write_text(text)
    findings = ANALYZE.analyze(tmp_path, ["own/__init__.py", "own/a.py"]).findings
    assert [finding.tier for finding in findings if finding.rule_id == "PLW0406"] == [tier]
