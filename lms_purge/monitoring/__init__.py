"""What machines ask about the site: whether all is well (``/healthz``), and the figures behind it (``/metrics``)."""
