"""Drills: backups that are restored on real servers, in each way in which people do that."""
