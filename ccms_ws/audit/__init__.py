"""Heads of the message log's chains outside the database, signed with the court's key: stored, forwarded, compared."""
