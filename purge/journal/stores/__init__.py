"""What homes of the purge log are made of: folders and buckets, both behind the protocol of :mod:`.home`."""
