"""The certificates of AWS's databases that are shipped: roots, still valid, one for each region."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from cryptography import x509

FILE = Path(str(files("kova.adapters.postgres") / "rds-ca.pem"))
KEYS = {"RSA2048", "RSA4096", "ECC384"}


@pytest.fixture(scope="module")
def roots() -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(FILE.read_bytes())


def test_openssl_takes_the_file() -> None:
    context = ssl.create_default_context(cafile=str(FILE))
    assert len(context.get_ca_certs()) == FILE.read_text().count("BEGIN CERTIFICATE")


def test_each_is_a_root_that_is_valid_for_another_half_year(roots: list[x509.Certificate]) -> None:
    soon = datetime.now(UTC) + timedelta(days=180)
    for root in roots:
        assert root.issuer == root.subject
        assert root.not_valid_after_utc > soon, root.subject.rfc4514_string()


def test_each_region_has_a_root_of_each_kind_of_key(roots: list[x509.Certificate]) -> None:
    text = " ".join(root.subject.rfc4514_string() for root in roots)
    regions = set(re.findall(r"Amazon RDS ([a-z]+-[a-z]+-\d) Root CA", text))
    assert {"us-east-1", "eu-central-1", "ap-southeast-2", "sa-east-1"} <= regions
    for region in regions:
        kinds = set(re.findall(rf"Amazon RDS {region} Root CA (\w+) G1", text))
        assert kinds == KEYS, region


def test_the_roots_of_the_proxy_are_there(roots: list[x509.Certificate]) -> None:
    names = {root.subject.rfc4514_string() for root in roots}
    assert {f"CN=Amazon Root CA {number},O=Amazon,C=US" for number in range(1, 5)} <= names
