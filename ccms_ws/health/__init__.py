"""What can be looked at to see whether an installation and its partners are well: each check is a value."""
