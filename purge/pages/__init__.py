"""What people see of a request, worked out for pages, commands and mails alike."""
