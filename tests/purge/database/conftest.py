from types import SimpleNamespace

import pytest

from purge.rules import ExemptTable
from purge.rules.registry import Registry, rule_modules, set_registry


@pytest.fixture
def aside_is_exempted():
    """What tests with partitions put aside, and put back, needs no rules meanwhile."""
    line = ExemptTable("aside.*", "tables that a test puts back, whose rows are elsewhere meanwhile")
    set_registry(Registry([*rule_modules(), SimpleNamespace(EXEMPT=[line])]))
    yield
    set_registry(None)
