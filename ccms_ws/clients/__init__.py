"""zeep, and only here: clients made from the partners' WSDLs."""
