import pytest

from tests.purge import world


@pytest.fixture
def cast(db) -> world.World:
    """The people and accounts of the fixture world."""
    return world.build_world()


@pytest.fixture
def furnished(cast: world.World) -> world.World:
    """The fixture world with rows in every ruled column."""
    world.furnish(cast)
    return cast
