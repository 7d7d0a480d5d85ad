"""Checks that a site declares as rows of its checklist: their subjects, requirements and fixes."""
