"""The pytest plugin: hooks, options, fixtures and collectors. It routes; the logic lies in the packages below."""
