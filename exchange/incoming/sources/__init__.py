"""What each kind of file says, as rows of events: pure, run in the child that reads."""
