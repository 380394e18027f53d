"""Erasure: remove what is stored of one user of a project (docs/erasure.md).

A job in collection `erasures` goes through steps, each of them a row of bounded, repeatable
strides. Whoever dies in between leaves a job that another process goes on with; two processes that
run one job at once do some work twice, and count it once.
"""
