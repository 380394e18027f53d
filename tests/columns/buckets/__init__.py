"""The folder of the columns in a bucket: moto's server, and what can be wrong with it."""
