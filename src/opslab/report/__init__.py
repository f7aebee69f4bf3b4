"""Renderings: metadata, metrics, Markdown, Allure, JUnit and Prometheus text. Nothing here decides anything."""
