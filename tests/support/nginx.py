"""The files of deploy/nginx in a folder, with the values that compose gives to them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "deploy/nginx"
PROGRAM: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
FORMS: Final = ("plain", "tls")
VALUES: Final = {
    "KOVA_API_ADDRESS": "127.0.0.1:8000",
    "KOVA_RESOLVER": "127.0.0.1",
    "KOVA_OUTER_PROXY": "192.0.2.1",
    "KOVA_HOST": "kova.example.com",
}


def lay_out(folder: Path, form: str, values: Mapping[str, str]) -> Path:
    """Write nginx's files as the image's start does, and return the main one.

    Args:
        folder: takes the place of /etc/nginx, and its `tmp` that of /tmp. It is nginx's prefix.
        form: plain or tls.
        values: of the variables in the templates, beside `VALUES`.

    Raises:
        KeyError: a template names another variable.
    """
    (folder / "conf.d").mkdir(parents=True)
    (folder / "tmp").mkdir()
    text = (SOURCE / "nginx.conf").read_text()
    # Where root starts nginx, its workers would be another user, whom the folder keeps out.
    text = ("user root;\n" if os.geteuid() == 0 else "") + text
    main = folder / "nginx.conf"
    main.write_text(_moved(text))
    (folder / "locations.conf").write_text((SOURCE / "locations.conf").read_text())
    for template, name in (("shared", "shared"), (form, "server")):
        text = (SOURCE / f"templates/{template}.conf.template").read_text()
        filled = re.sub(r"\$\{(\w+)\}", lambda match: {**VALUES, **values}[match[1]], text)
        (folder / f"conf.d/{name}.conf").write_text(_moved(filled))
    return main


def _moved(text: str) -> str:
    """Name files from the folder, with which nginx is started: its own path may have a space."""
    return text.replace(" /tmp/", " tmp/").replace("/etc/nginx/", "")
