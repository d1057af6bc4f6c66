import pytest
from django.core.management import CommandError, call_command

from users.models import Account, AccountKind, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments, password="correct horse battery"):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
        call_command("createsuperuser", "--email", "Ops@lms.example", "--name", "Olga Ops", *arguments)
        return capsys.readouterr().out

    return call


def test_the_first_superuser_brings_the_system_account(run):
    assert "is a superuser now" in run("--noinput")
    user = User.objects.get(email_key="ops@lms.example")
    assert (user.is_superuser, user.is_support, user.is_staff) == (True, False, True)
    assert user.check_password("correct horse battery")
    assert user.account.kind == AccountKind.SYSTEM


def test_support_staff_share_the_system_account(run):
    run()
    User.objects.update(email_key="else@lms.example", email="else@lms.example")
    assert "is a support person now" in run("--support")
    support = User.objects.get(email_key="ops@lms.example")
    assert (support.is_superuser, support.is_support) == (False, True)
    assert Account.objects.count() == 1


def test_a_second_time_and_a_weak_password_are_refused_without_naming_the_person(run):
    with pytest.raises(CommandError, match="too short"):
        run(password="short")
    assert not User.objects.exists()
    run()
    with pytest.raises(CommandError, match="already") as refusal:
        run()
    assert "lms.example" not in str(refusal.value).lower()


def test_without_a_terminal_the_password_comes_from_the_environment(run):
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_PASSWORD") as refusal:
        run("--noinput", password="")
    assert refusal.value.returncode == 2
    assert not User.objects.exists()
