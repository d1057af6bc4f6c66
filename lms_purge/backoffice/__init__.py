"""The admin site itself: who gets in, the navigation, the home page, and its own log."""
