"""Guards: what stands around a live engine and asks ``opslab.safety`` before something goes wrong."""
