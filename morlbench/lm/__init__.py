"""Language models: everything that imports torch."""
