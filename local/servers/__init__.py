"""Embedded Redis and MongoDB servers, for `make run`, the tests and the benchmarks.

    with RedisServer(directory / "stream") as redis, MongoServer(directory / "mongo") as mongo:
        use(redis.url, mongo.uri)

Each keeps its data, its log and its port in its own directory. A second start on the directory
finds the data again.
"""
