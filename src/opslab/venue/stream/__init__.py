"""The WebSocket shell: market streams, user streams and the spot WebSocket API."""
