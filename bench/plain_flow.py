"""The plain flow as one revision does it, at the command of another process: ``bench.plain`` starts one for each.

Run by path with a revision's tree as the only place to import the project from, so it uses nothing of this one's code,
and of the project's only what every revision has: the demo, two services that add and delete a user, the pages, the
task. Commands come as lines of JSON, answers go back the same way.
"""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django first
from django.test import Client  # noqa: E402

from learning.models import Comment, Course, Enrolment, Feedback, Post  # noqa: E402
from lms_purge import demo  # noqa: E402
from purge.models import PurgeRequest  # noqa: E402
from purge.tasks import run_request  # noqa: E402
from users.models import User  # noqa: E402
from users.services import user_create, user_delete  # noqa: E402

LIST = "/admin/users/deleteduser/"
ADMIN = "admin@acme.example"
#: Records of each person: as many as the demo's people have, and a few texts of others that name them.
ENROLMENTS, TEXTS = 6, 2


class Flow:
    """An administrator of the demo's enterprise account, and the people whom they purge."""

    def __init__(self) -> None:
        self.account = User.objects.get(email=ADMIN).account
        self.made = 0
        self.people: list[int] = []
        self.client = Client(SERVER_NAME="localhost")

    def prepare(self, number: int) -> dict[str, Any]:
        """Add and delete as many people, with records; sign in."""
        self.people = [self._leaver() for _n in range(number)]
        self.client = Client(SERVER_NAME="localhost")
        self.client.post(
            "/admin/login/", {"username": ADMIN, "password": demo.demo_password(), "next": "/admin/"}, follow=True
        )
        return {}

    def _leaver(self) -> int:
        self.made += 1
        address = f"leaver{self.made}@bench.example"
        user = user_create(acting_user=None, account=self.account, email=address, name=f"Leaver {self.made}")
        courses = list(Course.objects.filter(account=self.account).order_by("pk"))
        Enrolment.objects.bulk_create(Enrolment(user=user, course=courses[n % len(courses)]) for n in range(ENROLMENTS))
        Feedback.objects.create(user=user, course=courses[0], rating=4, learner_text="Useful.")
        post = Post.objects.order_by("pk").first()
        author = User.objects.get(email=ADMIN)
        Comment.objects.bulk_create(Comment(post=post, author=author, body=f"Ask {address}.") for _n in range(TEXTS))
        user_delete(acting_user=None, user=user)
        return user.pk

    def purge(self) -> dict[str, Any]:
        """Seconds from opening User Cleanup to the request ID on the page, and from *Purge* to completed."""
        start = time.perf_counter()
        self.client.get(LIST)
        page = self.client.post(f"{LIST}purge/", {"_selected_action": self.people}, follow=True).content.decode()
        pressed = time.perf_counter()
        answer = self.client.post(f"{LIST}purge/", self._form(page), follow=True).content.decode()
        accepted = time.perf_counter()
        purge_request = PurgeRequest.objects.get(reference=re.findall(r"PUR-\w{4}-\w{4}-\w", answer)[0])
        while run_request(purge_request.pk) == "more":
            pass
        completed = time.perf_counter()
        purge_request.refresh_from_db()
        if purge_request.status != "completed" or User.objects.filter(pk__in=self.people).exists():
            raise RuntimeError(f"the purge ended as {purge_request.status}: {purge_request.error_class}")
        return {"accepted": accepted - start, "completed": completed - pressed}

    def _form(self, page: str) -> dict[str, str]:
        """What stands in the form of the confirmation, and the number of people if it is asked for."""
        [plan] = set(re.findall(r'name="plan" value="([^"]+)"', page))
        return {"plan": plan, **({"number": str(len(self.people))} if 'name="number"' in page else {})}


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("createcachetable")
    demo.load()
    flow = Flow()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        done = flow.prepare(command["prepare"]) if "prepare" in command else flow.purge()
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
