"""The built-in strategies. Their modules import the engine: the registry names them without importing them."""
