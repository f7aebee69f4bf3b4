"""The bundle on disk: layout, durable writes, locked journal, manifest, reader, integrity and recovery."""
