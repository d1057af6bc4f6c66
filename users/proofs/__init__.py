"""What an account has proved to be its own: an address by a link that was mailed there, a domain by a record in the
domain name system.

Purges reach into other accounts by what is proved, where the settings say so (``PURGE_REACH_…``), and mails go out
under a sender that is proved. :mod:`.services` keeps the proofs and says what they hold for; :mod:`.records` asks the
name system; :mod:`.public_mailboxes` lists the domains that are nobody's own; :mod:`.pages` is the page of the link.
"""
