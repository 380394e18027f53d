"""The reporting endpoints: who may ask, the answer as JSON, the OpenAPI text."""
