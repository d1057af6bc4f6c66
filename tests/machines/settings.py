"""The tests' settings, with stored files where the drill's environment says."""

from importlib import import_module

from tests.settings import *  # noqa: F403
from tests.settings import STORAGES

# Imported last: the tests' settings give keys to the product's.
STORAGES = {**STORAGES, "default": import_module("lms_purge.settings").STORAGES["default"]}
