"""What keeps input harmful on its way, and what makes it harmless."""

import pytest

from tests.analyzers.python_rules.support import rules_of

HEAD = "import flask, hashlib, io, os, subprocess\nfrom flask import request\n\n"
ROUTE = HEAD + "@app.route('/x')\ndef view(name: int):\n    given = request.args.get('a')\n"


def view(*lines: str) -> str:
    return ROUTE + "".join(f"    {line}\n" for line in lines)


HARMFUL = {
    "a loop left by break": (
        "found = ''",
        "for name in request.form.keys():",
        "    if 'x' in request.form.getlist(name):",
        "        found = name",
        "        break",
        "os.system('echo ' + found)",
    ),
    "the key that holds it": (
        "kept = {}",
        "kept['a'] = 'fixed'",
        "kept['b'] = given",
        "os.system(kept['b'])",
    ),
    "a key that may hold it": ("kept = request.args", "kept['a'] = 'x'", "os.system(kept['b'])"),
    "a key of one branch": (
        "kept = {}",
        "kept['a'] = given",
        "if len(given) > 3:",
        "    kept['a'] = 'x'",
        "os.system(kept['a'])",
    ),
    "a setter and a getter": (
        "conf = ConfigParser()",
        "conf.set('s', 'a', given)",
        "os.system(conf.get('s', 'a'))",
    ),
    "a number that was bound again": (
        "num = 1",
        "num = int(given)",
        "bar = 'x' if num < 5 else given",
        "os.system(bar)",
    ),
    "a test for something else": (
        "if '<' in given:",
        "    return 'no'",
        "open('/srv/' + given)",
    ),
    "a look-up of something else": (
        "if url_is_safe(request.args.get('next')):",
        "    os.system(request.args.get('run'))",
    ),
    "another place of a list than the tested one": (
        "parts = given.split(',')",
        "if is_safe(parts[0]):",
        "    os.system(parts[1])",
    ),
    "a look-up after its test": (
        "if is_safe(request.args.get('run')):",
        "    pass",
        "os.system(request.args.get('run'))",
    ),
    "a redirect to what was sent": ("return flask.redirect('%s?a=1' % given)",),
    "a path's own method": (
        "import pathlib",
        "place = pathlib.Path('/srv') / given",
        "place.open()",
    ),
    "a search in a directory service": (
        "import ldap3",
        "connection = ldap3.Connection('ldap')",
        "connection.search('ou=users', f'(uid={given})')",
    ),
}
HARMLESS = {
    "another key": (
        "kept = {}",
        "kept['a'] = 'fixed'",
        "kept['b'] = given",
        "os.system(kept['a'])",
    ),
    "another setting": (
        "conf = ConfigParser()",
        "conf.set('s', 'a', 'fixed')",
        "conf.set('s', 'b', given)",
        "os.system(conf.get('s', 'a'))",
    ),
    "a test over a known number": (
        "num = 86",
        "if 7 * 42 - num > 200:",
        "    bar = 'fixed'",
        "else:",
        "    bar = given",
        "os.system(bar)",
    ),
    "a choice over a known number": (
        "num = 86",
        "bar = 'fixed' if 7 * 42 - num > 200 else given",
        "os.system(bar)",
    ),
    "no way up": (
        "if '..' in given or given.startswith('/'):",
        "    return 'no'",
        "return flask.send_file('/srv/' + given)",
    ),
    "a host that is allowed": (
        "parts = urlparse(given)",
        "if parts.netloc not in ['example.com']:",
        "    return 'no'",
        "return flask.redirect(given)",
    ),
    "a look-up that was tested": (
        "if 'next' in request.args and url_is_safe(request.args.get('next')):",
        "    return flask.redirect(request.args.get('next'))",
    ),
    "another address in its place": (
        "if not given or not is_safe(url=given):",
        "    given = other(name)",
        "return flask.redirect(given)",
    ),
    "an address of our own": (
        "return flask.redirect(flask.url_for('list') + '?' + request.args.urlencode())",
    ),
    "a known address before it": ("return flask.redirect('%s?a=%s' % (own_page(), given))",),
    "a known address before it, formatted": (
        "return flask.redirect('{}?a={}'.format(own_page(), given))",
    ),
    "the page that led here": ("return flask.redirect(request.referrer)",),
    "a path below its folder": (
        "import pathlib",
        "place = (pathlib.Path('/srv') / given).resolve()",
        "if not str(place).startswith('/srv'):",
        "    return 'no'",
        "return flask.escape(place.read_text())",
    ),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_input_still_does_harm_after(name: str) -> None:
    assert rules_of(view(*HARMFUL[name])) & {
        "command-injection",
        "open-redirect",
        "path-traversal",
        "ldap-injection",
    }


@pytest.mark.parametrize("name", HARMLESS)
def test_input_does_no_harm_after(name: str) -> None:
    assert not rules_of(view(*HARMLESS[name]))


def test_a_hash_kept_in_a_file_of_passwords_is_about_passwords() -> None:
    text = HEAD + (
        "def keep(folder, value):\n"
        "    digest = hashlib.md5(value).hexdigest()\n"
        "    with open(f'{folder}/password.txt', 'a') as file:\n"
        "        file.write(digest)\n"
    )
    assert rules_of(text) == {"weak-hash"}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("response.set_cookie('session', value, secure=False)", "cookie-without-tls"),
        ("response.set_cookie('session', value, secure=True)", None),
        ("response.set_cookie('session', value)", None),
        ("parser.setFeature(xml.sax.handler.feature_external_ges, True)", "external-entities"),
        ("parser.setFeature(xml.sax.handler.feature_external_ges, False)", None),
        ("lxml.etree.XMLParser(resolve_entities=True)", "external-entities"),
        ("lxml.etree.XMLParser(resolve_entities=False)", None),
        ("lxml.etree.XMLParser()", None),
    ],
)
def test_flags_that_open_what_was_closed(line: str, rule: str | None) -> None:
    text = f"import lxml.etree, xml.sax.handler\n\ndef f(response, parser, value):\n    {line}\n"
    assert rules_of(text) == ({rule} if rule else set())


SQL = "def f(cursor, table, name, unique):\n    cursor.execute({})\n"


@pytest.mark.parametrize(
    ("query", "flagged"),
    [
        ("'SELECT * FROM {} WHERE id = {}'.format(table, int(name))", False),
        ("'SELECT * FROM {} WHERE id = {}'.format(table, name)", True),
        ("'SELECT * FROM {t} WHERE id = {n}'.format(n=name, t=table)", True),
        ("'SELECT * FROM {1} WHERE id = {0}'.format(int(name), table)", False),
        ("'SELECT a FROM b WHERE c = {}'.format('true' if unique else 'false')", False),
        ("'SELECT a FROM b WHERE c = %s' % name._meta.db_table", False),
        ("'SELECT a FROM b WHERE c = {}'.format(*name)", True),
        ("'SELECT a FROM %(t)s WHERE c = %(n)s' % {'t': table, 'n': name}", True),
        ("'SELECT a FROM %(t)s WHERE c = %(n)s' % {'t': table, 'n': 1 if unique else 2}", False),
        ("'SELECT a FROM b WHERE c = %s' % name.db.arg", False),
        ("""'UPDATE "%s" SET "%s" = 1 WHERE d = 2' % (table, name)""", False),
        ("""'SELECT a FROM b WHERE c = "%s"' % name""", True),
    ],
)
def test_a_query_is_judged_by_what_stands_where_a_value_does(query: str, flagged: bool) -> None:
    assert rules_of(SQL.format(query)) == ({"sql-from-string"} if flagged else set())
