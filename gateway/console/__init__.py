"""The web console: what administrators, mailroom staff and inspectors do in a browser. Rendered on the server."""
