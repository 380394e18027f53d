"""Names that several rooms of the pages know each other by."""

APP_NAME = "dashboard"
