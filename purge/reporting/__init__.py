"""What became of many requests: a report over a period, and the charts of it, each figure with the rows behind it."""
