"""The REST shell: admission, routes and payloads of USD-M futures and spot."""
