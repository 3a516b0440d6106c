"""A justice partner to test against."""
