"""The shop's tables."""

import uuid

from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils import timezone


class Branch(models.Model):
    """A branch of the shop: what the engine calls an account."""

    name = models.CharField(max_length=100)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True)


class Customer(AbstractBaseUser):
    """Whoever has an account with a branch. ``state``: "active", "deleted" or "purging"."""

    branch = models.ForeignKey(Branch, models.PROTECT)
    email = models.EmailField(unique=True)
    email_key = models.CharField(max_length=320, unique=True)
    name = models.CharField(max_length=100)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True)
    state = models.CharField(max_length=10, default="active")
    is_staff = models.BooleanField(default=False)
    added_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    USERNAME_FIELD = "email"


class Order(models.Model):
    """Kept for the books when its customer goes: without the customer."""

    branch = models.ForeignKey(Branch, models.PROTECT)
    customer = models.ForeignKey(Customer, models.PROTECT, null=True)
    total = models.DecimalField(max_digits=9, decimal_places=2)
    delivery_note = models.TextField(blank=True)


class Review(models.Model):
    """Goes with whoever wrote it."""

    author = models.ForeignKey(Customer, models.PROTECT)
    text = models.TextField()


def photo_name(photo: "Photo", file_name: str) -> str:
    return f"customers/{photo.customer.public_id}/{uuid.uuid4().hex}"


class Photo(models.Model):
    """A picture that a customer has uploaded."""

    customer = models.ForeignKey(Customer, models.PROTECT)
    file = models.FileField(upload_to=photo_name)
