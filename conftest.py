"""The lab uses its own plugin: there is nothing to set up here."""
