"""A court's numbers for Prometheus: which there are, how they are gathered, and the address where they are read.

Nothing is counted while messages go in and out: every number is read from the database when it is asked for.
"""
