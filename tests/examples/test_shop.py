"""The example installs the engine alone, declares its rules, and purges a customer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

MANAGE = Path(settings.BASE_DIR) / "examples" / "shop" / "manage.py"

FILL = """
from django.core.files.base import ContentFile
from purge.addresses import identity_key
from shop.models import *

def customer(email, **more):
    return Customer.objects.create(branch=branch, email=email, email_key=identity_key(email), name=email[:3], **more)

branch = Branch.objects.create(name="Harbour Street")
owner = customer("owner@shop.example", is_staff=True)
ada = customer("ada@shop.example", state="deleted", deleted_at=timezone.now())
bob = customer("bob@shop.example")
Order.objects.create(branch=branch, customer=ada, total="12.50", delivery_note="Ring, or write to ada@shop.example.")
Order.objects.create(branch=branch, customer=bob, total="9.00", delivery_note="Ring, or write to bob@shop.example.")
Review.objects.create(author=ada, text="Lovely")
Review.objects.create(author=bob, text="As ADA@shop.example told me: lovely")
Photo.objects.create(customer=ada, file=ContentFile(b"ada", name="a.jpg"))
Photo.objects.create(customer=bob, file=ContentFile(b"bob", name="b.jpg"))
"""
PURGE = """
from purge.services import purge_submit
from purge.tasks import run_request
from shop.models import *
owner, ada = Customer.objects.get(is_staff=True), Customer.objects.get(email="ada@shop.example")
request = purge_submit(acting_user=owner, account_id=owner.branch_id, user_ids=[ada.pk])
run_request(request.pk)
request.refresh_from_db()
print(request.status)
"""
LOOK = """
from shop.models import *
print(sorted(Customer.objects.values_list("email", flat=True)))
print(sorted(Order.objects.values_list("customer__email", "delivery_note", "total"), key=str))
print(sorted(Review.objects.values_list("author__email", "text")))
print([photo.file.read() for photo in Photo.objects.all()])
"""


class Shop:
    """The example's command line, on a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manage(self, *words: str, code: int = 0, told: str = "") -> str:
        # The shop's settings alone: none of this project's.
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(MANAGE), *words],
            input=told,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**environment, "SHOP_VAR": str(self.folder)},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def python(self, text: str) -> list[str]:
        return self.manage("shell", "-v", "0", "-c", text).splitlines()


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    made.manage("migrate", "-v", "0")
    return made


def test_a_shop_that_installs_the_engine_alone_purges_a_customer(shop):
    shop.manage("check", "--database", "default")
    assert "Every column of every model and table has a rule." in shop.manage("purge_rules", "--check")
    shop.python(FILL)
    assert shop.python(LOOK)[0] == "['ada@shop.example', 'bob@shop.example', 'owner@shop.example']"

    assert shop.python(PURGE)[-1] == "completed"

    assert shop.python(LOOK) == [
        "['bob@shop.example', 'owner@shop.example']",
        "[('bob@shop.example', 'Ring, or write to bob@shop.example.', Decimal('9.00')), "
        "(None, 'Ring, or write to [erased].', Decimal('12.50'))]",
        "[('bob@shop.example', 'As [erased] told me: lovely')]",
        "[b'bob']",
    ]
    # Nothing of the customer lies in the storage or the database's file any more.
    stored = [path.read_bytes() for path in shop.folder.rglob("*") if path.is_file() and path.suffix != ".sqlite3"]
    # The photo's content, and the address; three letters alone stand in many a hash.
    assert not any(content == b"ada" or b"ada@" in content.lower() for content in stored)


def test_a_draft_proposes_a_rule_for_every_column_and_the_check_refuses_it(shop, tmp_path):
    assert 'Every model of "shop" that can hold a person has rules already.' in shop.manage(
        "purge_rules", "--draft", "shop", code=1
    )
    assert 'No app is called "shopp".' in shop.manage("purge_rules", "--draft", "shopp", code=1)

    without = "import shop.purge_rules as rules; rules.RULES.clear(); from django.core.management import call_command; "
    text = "\n".join(shop.python(without + 'call_command("purge_rules", "--draft", "shop")'))
    assert '"delivery_note": Draft(Redact()),  # a text column' in text
    assert '"author": Draft(Delete()),  # a relation to a person' in text
    assert '"customer": Draft(Detach()),  # a relation to a person' in text
    assert '"file": Draft(WithRow()),  # a file column' in text
    assert 'account="author__branch"' in text
    assert 'account="pk"' in text

    (tmp_path / "drafted.py").write_text(text)
    use = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import drafted; import shop.purge_rules as rules; "
        "rules.RULES[:] = drafted.RULES; from purge.rules.coverage import model_gaps; "
        "print(*sorted(f'{gap.where} {gap.what}' for gap in model_gaps()), sep='\\n')"
    )
    drafts = "has a rule that is a draft: nobody has judged it"
    assert shop.python(use) == [
        f"shop.{column} {drafts}"
        for column in (
            "Branch.name",
            "Customer.email",
            "Customer.email_key",
            "Customer.name",
            "Customer.password",
            "Customer.state",
            "Order.customer",
            "Order.delivery_note",
            "Photo.customer",
            "Photo.file",
            "Review.author",
            "Review.text",
        )
    ]
