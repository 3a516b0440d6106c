"""The operations console for the court's own operators: HTML rendered here, without JavaScript.

It shows the store's views and acts through `ccms_ws.bootstrap`, as the commands do; its only rules of its own are those
of signing in. `app` assembles it.
"""
