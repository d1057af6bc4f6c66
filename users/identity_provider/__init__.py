"""Signing in by an OpenID Connect provider of one's account. The protocol is django-allauth's.

:mod:`.protocol` sends to the provider and reads what comes back, over :mod:`.outgoing`; :mod:`.matching` says whose
sign-in it is; :mod:`.services` keeps the providers of an account.
"""
