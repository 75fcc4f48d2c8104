"""Plugins for morlbench from another package."""
