"""The one place that knows two databases."""
