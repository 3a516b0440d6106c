"""The conformance kit: what a partner needs to be tested before go-live, and the runner that tests it."""
