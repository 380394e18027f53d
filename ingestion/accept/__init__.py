"""The 202: read a request, judge its events, admit them into the stream, answer."""
