"""The one life cycle of a run: spec, data gate, engine, bundle, report; what the plugin and ``tc`` both call."""
