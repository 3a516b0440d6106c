"""The operations console: a page for the court's own operators, rendered here, that works without JavaScript.

It shows what the store's views show and acts through `ccms_ws.bootstrap`, as the commands do; it has no rule of its own
but those of signing in. `app` puts it together.
"""
