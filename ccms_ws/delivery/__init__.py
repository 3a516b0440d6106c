"""The outbox leaves the house: worker, retry, recovery."""
