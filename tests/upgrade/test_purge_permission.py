"""Who could not purge before an upgrade cannot after it; who could still can."""

from users.models import Account, AccountKind, Role, User
from users.services import account_create, user_create


def test_accounts_that_are_there_go_on_giving_the_permission_separately(old_database):
    account = old_database.account(name="Acme")
    people = {}
    for name in ("with", "without"):
        people[name] = old_database.user(account, f"{name}@x.org", key=f"{name}@x.org")
        old_database.model("users.UserRole").objects.create(user=people[name], role="administrator")
    kind, _made = old_database.model("contenttypes.ContentType").objects.get_or_create(
        app_label="purge", model="purgerequest"
    )
    permission, _made = old_database.model("auth.Permission").objects.get_or_create(
        codename="purge_people", content_type=kind, defaults={"name": "Can purge deleted users"}
    )
    people["with"].user_permissions.add(permission)

    old_database.upgrade()

    assert Account.objects.get().purge_with_role is False
    assert User.objects.get(pk=people["with"].pk).has_perm("purge.purge_people")
    assert not User.objects.get(pk=people["without"].pk).has_perm("purge.purge_people")
    # An account that is made afterwards begins as every new one.
    new = account_create(acting_user=None, name="New", subdomain="new", kind=AccountKind.ENTERPRISE)
    chief = user_create(
        acting_user=None, account=new, email="chief@new.example", name="Chief", roles=[Role.ADMINISTRATOR]
    )
    assert User.objects.get(pk=chief.pk).has_perm("purge.purge_people")
