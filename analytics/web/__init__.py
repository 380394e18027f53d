"""What all HTTP here has in common: refusals, middleware, addresses, the OpenAPI text."""
