"""What an event is and what an entry of the stream is, their ids and moments."""
