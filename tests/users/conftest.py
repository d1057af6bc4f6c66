import pytest

from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory

PASSWORD = "correct horse battery"


@pytest.fixture
def account(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def admin_user(account):
    return AdministratorFactory(account=account, email="admin@acme.example", password=PASSWORD)


@pytest.fixture
def ann(account):
    return UserFactory(account=account, name="Ann Archer", email="ann@acme.example", unique_user_id="U-1")


@pytest.fixture
def stranger(db):
    """Somebody of another account."""
    return UserFactory(account=AccountFactory(name="Globex"), name="Bob Bowman", email="bob@globex.example")


@pytest.fixture
def signed_in(client, admin_user):
    client.force_login(admin_user)
    return client
