"""Checks that a site declares as rows of its checklist: what they look at, what they demand, how they fix."""
