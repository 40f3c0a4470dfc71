"""The files of deploy/nginx: gixy looks for pitfalls, and nginx itself reads them if it is there."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.nginx import FORMS, PROGRAM, lay_out

GIXY: Final = Path(".venv/deploy/bin/gixy")
# Checks that are left out, each with its reason.
NOT_CHECKED: Final = {
    "host_spoofing": "$host has no port, and /setup shows the address that it was opened by.",
    "hsts_header": "Kova sends it with every answer (kova/web/headers.py).",
}


def check_nginx() -> list[str]:
    """Return what gixy and nginx say about both forms."""
    problems: list[str] = []
    if PROGRAM is None:
        sys.stdout.write("  nginx is not installed: its files were not read by it\n")
    for form in FORMS:
        with tempfile.TemporaryDirectory() as name:
            main = lay_out(Path(name) / "nginx", form, {})
            if form == "tls":
                write_certificate(main.parent / "tls")
            problems += [f"{form}: {said}" for said in (*_gixy(main), *_nginx(main))]
    return problems


def write_certificate(folder: Path, host: str = "127.0.0.1") -> None:
    """Write a certificate of a day that nobody trusts, and its key."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "privkey.pem").write_bytes(private)
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _gixy(main: Path) -> list[str]:
    command = [str(GIXY), "--skips", ",".join(NOT_CHECKED), str(main)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return [] if process.returncode == 0 else [f"gixy: {process.stdout}{process.stderr}"]


def _nginx(main: Path) -> list[str]:
    if PROGRAM is None:
        return []
    command = [PROGRAM, "-t", "-q", "-c", str(main), "-p", str(main.parent)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    # A warning is a problem too.
    said = process.stderr.strip()
    return [f"nginx -t: {said}"] if process.returncode or said else []
