"""Rows of django-allauth's tables."""

from __future__ import annotations

import factory
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken

from tests.factories.users import UserFactory


class AuthenticatorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Authenticator

    user = factory.SubFactory(UserFactory)
    type = Authenticator.Type.WEBAUTHN
    data = factory.LazyFunction(lambda: {"name": "Firefox, Linux", "credential": {}})


class SocialAccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SocialAccount

    user = factory.SubFactory(UserFactory)
    provider = "0" * 32
    uid = factory.Sequence("{:064x}".format)


class EmailAddressFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = EmailAddress

    user = factory.SubFactory(UserFactory)
    email = factory.Sequence("listed{}@example.org".format)


class EmailConfirmationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = EmailConfirmation

    email_address = factory.SubFactory(EmailAddressFactory)
    key = factory.Sequence("{:064x}".format)


class SocialTokenFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SocialToken

    account = factory.SubFactory(SocialAccountFactory)
    token = "token"
