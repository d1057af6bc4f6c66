"""As the pages of requests write them: 29 Nov 2026, 12:10 UTC. Whoever acts on a time has to know whose clock it is."""

DATE_FORMAT = "j M Y"
SHORT_DATE_FORMAT = DATE_FORMAT
DATETIME_FORMAT = "j M Y, H:i T"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
