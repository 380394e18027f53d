"""Funnels, retention and journeys over HTTP: their answers as JSON, and what OpenAPI says."""
