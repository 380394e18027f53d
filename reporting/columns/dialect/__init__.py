"""All that knows the engine's SQL: questions go in, with a view of the events, answers come out."""
