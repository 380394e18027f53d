"""The names of the queues, and of the tasks in them.

A running deployment knows them: beat of one release asks, a worker of the next one answers. So a
task keeps the name it was first given, wherever its function has moved since.
"""

DRAIN_QUEUE = "drain"
MAINTENANCE_QUEUE = "maintenance"
QUEUES = (DRAIN_QUEUE, MAINTENANCE_QUEUE)

DRAIN = "ingestion.drain"
FORGET_CONSUMERS = "ingestion.forget_consumers"
MIRROR_KEYS = "analytics.mirror_keys"
COMPACT_LEDGER = "ingestion.compact_ledger"
COMPACT_SUMMARIES = "ingestion.compact_summaries"
BUILD_COPIES = "ingestion.build_copies"
VERIFY_SAMPLE = "ingestion.verify_sample"
APPLY_RETENTION = "ingestion.apply_retention"
RUN_ERASURES = "ingestion.run_erasures"
RUN_DELETIONS = "ingestion.run_deletions"
EXPORT_COLUMNS = "upkeep.export_columns"
TEND_COLUMNS = "upkeep.tend_columns"
RUN_EXPORTS = "exchange.run_exports"
SWEEP_EXPORTS = "exchange.sweep_exports"
LOOK_AT_RULES = "notices.look_at_rules"
SEND_NOTICES = "notices.send_notices"
RUN_IMPORTS = "exchange.run_imports"
SWEEP_IMPORTS = "exchange.sweep_imports"
SEND_RESETS = "people.send_resets"
ASK_RECIPIENT = "notices.ask_recipient"
