"""The court's language in plain dataclasses; no XML, no SQL, no SOAP."""
