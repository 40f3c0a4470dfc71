"""Redirects of /auth need no templates: a start of the function pays for them at the first page."""

from __future__ import annotations

import subprocess
import sys


def test_signing_in_imports_templates_with_its_first_page_alone() -> None:
    code = (
        "import sys, functions.auth.app; print('jinja2' in sys.modules);"
        "import kova.web.pages.sign_in; print('jinja2' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]
