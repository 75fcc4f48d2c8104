"""Scorers that text tasks share: sentence similarity, language-model likelihood and measures of plain text.

Each works on a tuple of texts at once, remembers what it has seen, and gives row i the same value whatever its neighbours.
Leaves out every decision of a task: which measures make an objective, and how they are scaled, is the task's.
"""
