"""SOAP, WS-Addressing and WS-Security: bytes to a verified envelope and back. Knows no court, no HTTP, no database."""
