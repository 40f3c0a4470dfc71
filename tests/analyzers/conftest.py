import pytest

from kova.adapters.analyzers.ruff import RuffAnalyzer
from kova.bootstrap.analyzers import local_analyzers


@pytest.fixture(scope="session")
def ruff() -> RuffAnalyzer:
    (analyzer,) = local_analyzers()
    assert isinstance(analyzer, RuffAnalyzer)
    return analyzer
