"""The contract: frozen models of every file the lab writes, and the rules to encode, read and upgrade them.

Within ``v1`` there are only additions. The package knows no file system beyond the text that it is given.
"""
