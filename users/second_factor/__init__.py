"""Second factors: codes of an app, passkeys, recovery codes. The cryptography is django-allauth's, all else is ours.

What is said by whom: :mod:`.factors` keeps them and looks at what is typed, :mod:`.passkeys` at what a browser signs,
:mod:`.demand` knows of whom one is demanded, :mod:`.unfinished` carries a sign-in between password and second factor,
:mod:`.enrolment` makes the codes by which somebody sets up the first one that is demanded of them.
"""
