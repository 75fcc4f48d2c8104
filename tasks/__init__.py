"""The tasks of morlbench: one folder or file each; nothing here is imported until it is asked for."""
