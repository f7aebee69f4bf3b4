"""What the generated pages hold: one module a page, each a function from the code's own data to Markdown."""
