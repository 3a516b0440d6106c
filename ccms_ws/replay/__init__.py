"""The harness that plays recorded envelopes again: same bytes, same moment, same verdict, same answer."""
